"""`sixgym fidelity` on fluid networks."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError
from sixgym.cli.fidelity.comparison import Comparison
from sixgym.cli.fidelity.management import management
from sixgym.cli.fidelity.slicing import slicing
from sixgym.simulators import factory
from tests.evaluate.fidelity.slicing.networks import CountingFluid

pytest.importorskip("matplotlib")


class Slower(CountingFluid):
    name = "slower"
    version = "slower-1"


@pytest.fixture(autouse=True)
def networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(factory.SIMULATORS, "fluid", CountingFluid)
    monkeypatch.setitem(factory.SIMULATORS, "slower", Slower)
    monkeypatch.setitem(factory.SIMULATORS, "fragile", lambda: CountingFluid(fail_after=3))


def options(out: Path, **changes: object) -> dict[str, Any]:
    """Options of `sixgym fidelity slicing` and `management`."""
    asked = {"candidate": "slower", "reference": "fluid", "seeds": "51-53", "seconds": 2.0}
    return {**asked, "processes": 1, "out": out, **changes}


def comparison(**changes: Any) -> Comparison:
    """The comparison of the documentation, but for the changes."""
    shown = {"candidate": "tti", "reference": "ns3", "split": "held-out", "seeds": None, "seconds": 10.0}
    return Comparison(experiment="slicing", **{**shown, **changes})


SLICING = "fidelity-slicing-slower-fluid-seeds-51-53-2s"
MANAGEMENT = "fidelity-management-slower-fluid-seeds-51-53-6s"


def test_a_page_its_figures_and_its_plots_are_written(tmp_path: Path) -> None:
    slicing(**options(tmp_path))
    page = (tmp_path / f"{SLICING}.md").read_text()
    assert "sixgym fidelity slicing --candidate slower --reference fluid --seeds 51-53" in page
    figures = json.loads((tmp_path / f"{SLICING}.json").read_text())
    assert figures["topology_seeds"] == [51, 52, 53]
    assert {goal["metric"] for goal in figures["goals"]} == {
        "throughput_mbps",
        "spectral_efficiency",
        "delay_median_ms",
        "delay_p95_ms",
        "late_share",
    }
    for name in (f"{SLICING}.svg", f"{SLICING}-response.svg"):
        assert f"({name})" in page
        assert (tmp_path / name).read_text().startswith("<?xml")


def test_the_same_request_writes_the_same_bytes(tmp_path: Path) -> None:
    pages: list[list[bytes]] = []
    for name in ("one", "two"):
        slicing(**options(tmp_path / name))
        pages.append([path.read_bytes() for path in sorted((tmp_path / name).glob("*.*"))])
    assert pages[0] == pages[1]


def test_stored_runs_need_no_simulator_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slicing(**options(tmp_path))
    monkeypatch.setitem(factory.SIMULATORS, "fluid", lambda: CountingFluid(fail_on_reset=True))
    capsys.readouterr()
    slicing(**options(tmp_path))
    assert "fluid: all 60 runs are stored" in capsys.readouterr().err
    with pytest.raises(CommandError, match="does not start"):
        slicing(**options(tmp_path, refresh=True))


def test_runs_of_an_older_version_are_made_again_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Newer(CountingFluid):
        version = "newer"

    slicing(**options(tmp_path))
    monkeypatch.setitem(factory.SIMULATORS, "fluid", Newer)
    capsys.readouterr()
    slicing(**options(tmp_path))
    said = capsys.readouterr().err
    assert "were made by version test" in said
    assert "here is newer: 60 runs again" in said


def test_a_simulator_is_held_against_itself_with_another_network_seed(tmp_path: Path) -> None:
    slicing(**options(tmp_path, candidate="fluid"))
    figures = json.loads((tmp_path / f"{SLICING.replace('slower', 'fluid')}.json").read_text())
    assert figures["candidate"]["replica"] == 1
    for goal in figures["goals"]:
        assert goal["error"] == goal["floor"]


def test_json_is_alone_on_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slicing(**options(tmp_path, as_json=True))
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / f"{SLICING}.json").read_text())


def test_a_broken_network_says_where_finished_runs_are(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="finished runs are kept") as failure:
        slicing(**options(tmp_path, candidate="fragile"))
    assert failure.value.status == WORK_FAILED
    assert (tmp_path / "data" / "fidelity-slicing-fluid.jsonl.gz").exists()


def test_without_matplotlib_nothing_runs_and_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(CommandError, match="plots need matplotlib: pip install"):
        slicing(**options(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("seeds", "split", "wanted"),
    [
        (None, "held-out", tuple(range(51, 81))),
        (None, "training", tuple(range(1, 51))),
        ("51", "held-out", (51,)),
        ("53, 51-52,52", "held-out", (51, 52, 53)),
    ],
)
def test_seeds_come_from_a_list_or_a_split(seeds: str | None, split: str, wanted: tuple[int, ...]) -> None:
    assert comparison(seeds=seeds, split=split).topology_seeds == wanted


@pytest.mark.parametrize(
    "wrong",
    [
        {"seeds": "80-51"},
        {"seeds": ""},
        {"seeds": "1-2000000"},
        {"seeds": "all"},
        {"seeds": None, "split": "both"},
        {"seconds": 0.0},
        {"seconds": float("nan")},
        {"candidate": "nobody"},
    ],
)
def test_wrong_use_ends_before_anything_runs(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(CommandError) as failure:
        slicing(**options(tmp_path, **wrong))
    assert failure.value.status == WRONG_USE
    assert list(tmp_path.iterdir()) == []


def test_the_management_scenarios_are_compared_too(tmp_path: Path) -> None:
    management(**options(tmp_path, seconds=6.0))
    page = (tmp_path / f"{MANAGEMENT}.md").read_text()
    assert "sixgym fidelity management --candidate slower --reference fluid" in page
    figures = json.loads((tmp_path / f"{MANAGEMENT}.json").read_text())
    assert {one["scenario"] for one in figures["differences"]} == {
        "uav-inspection",
        "urban-slicing",
        "dense-degradation",
    }


def test_only_the_experiment_of_the_documentation_has_the_plain_name() -> None:
    assert comparison().page_stem == "fidelity-slicing"
    for change in ({"seeds": "51-53"}, {"split": "training"}, {"seconds": 1.0}, {"candidate": "ns3"}):
        assert comparison(**change).page_stem != "fidelity-slicing"


def test_a_page_on_other_seeds_leaves_the_first_page_alone(tmp_path: Path) -> None:
    slicing(**options(tmp_path))
    first = (tmp_path / f"{SLICING}.md").read_bytes()
    slicing(**options(tmp_path, seeds="49-52"))
    assert (tmp_path / f"{SLICING}.md").read_bytes() == first
    other = SLICING.replace("51-53", "49-52")
    assert f"({other}.svg)" in (tmp_path / f"{other}.md").read_text()
