"""Pages of the scripts in `perf` that come from stored rows can be made again from the committed rows."""

import importlib.util
import json
import sys
from types import ModuleType

import pytest

from sixgym.envs.ran_slicing.policies.tuning import load_tuning
from sixgym.episodes.jsonl import read_lines
from tests.repository import ROOT

PERF, RESULTS = ROOT / "perf", ROOT / "results"


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A script of `perf`, which imports its neighbours."""
    monkeypatch.syspath_prepend(str(PERF))
    spec = importlib.util.spec_from_file_location(f"perf_{name}", PERF / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def stored(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for _, line in read_lines(RESULTS / name)]


def table_of(page: str) -> list[str]:
    """The figures of a page: the rows of its tables."""
    return [line for line in page.splitlines() if line.startswith("| ")]


def committed(name: str) -> list[str]:
    return table_of((RESULTS / name).read_text(encoding="utf-8"))


def test_the_page_of_the_baselines_follows_from_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    page = script("baselines", monkeypatch).table(stored("baselines.jsonl"), "the command")
    assert table_of(page) == committed("baselines.md")


def test_the_page_of_the_slicing_policies_follows_from_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    page = script("slicing_report", monkeypatch).page(stored("slicing.jsonl"), load_tuning(), "the command")
    assert table_of(page) == committed("slicing.md")


def test_the_page_of_the_benchmark_follows_from_its_kept_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    page = script("bench", monkeypatch).page(("tti", "ns3"), "the command")
    assert table_of(page) == committed("6gagentbench.md")


def test_the_figures_of_the_timing_scripts_are_json() -> None:
    for path in RESULTS.glob("*speed.json"):
        assert "command" in json.loads(path.read_text(encoding="utf-8"))
