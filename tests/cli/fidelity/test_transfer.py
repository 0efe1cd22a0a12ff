"""`sixgym fidelity transfer` on fluid networks: what is played, replayed, written, and what is refused."""

import json
from pathlib import Path

import pytest

from sixgym.cli.fidelity.transfer import DEFAULT_LIMIT, Transfer
from tests.cli.conftest import Sixgym
from tests.cli.fidelity.conftest import AGENTS, EPISODES, PAGE, written


def test_the_page_its_figures_and_the_rows_are_written(fidelity: Sixgym, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = fidelity(out, "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures == json.loads((out / f"{PAGE}.json").read_text())
    by_agent = {one["agent"]: one for one in figures["overall"]["agents"]}
    assert list(by_agent) == AGENTS.split(",")
    assert (by_agent["null"]["candidate"], by_agent["null"]["reference"]) == (0.5, 0)
    assert (by_agent["reference"]["candidate"], by_agent["reference"]["reference"]) == (1, 0.5)
    assert len(figures["disagreements"]) == EPISODES / 2
    page = (out / f"{PAGE}.md").read_text()
    assert "sixgym fidelity transfer --candidate fluid --reference slower --agents null" in page
    assert f"sha256 {figures['task_set_sha256'][:12]}" in page
    assert "fluid test" in page
    assert "slower slower-1" in page
    assert set(written(out)) == {
        f"{PAGE}.md",
        f"{PAGE}.json",
        "data/transfer-samples-fluid.jsonl.gz",
        "data/transfer-samples-fluid-on-slower.jsonl.gz",
    }


def test_the_same_request_writes_the_same_bytes(fidelity: Sixgym, tmp_path: Path) -> None:
    for name in "ab":
        assert fidelity(tmp_path / name).exit_code == 0
    assert written(tmp_path / "a") == written(tmp_path / "b")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--candidate", "ether"), "no network is called 'ether'"),
        (("--reference", "ether"), "no network is called 'ether'"),
        (("--agents", "null,nobody"), "no agent 'nobody' can be put to the test"),
        (("--agents", ""), "no agent '' can be put to the test"),
        (("--tasks", "/nowhere/at-all.json"), "/nowhere/at-all.json"),
        (("--runs", "/nowhere"), "/nowhere holds no run of the benchmark"),
        (("--limit", 0), "--limit"),
        (("--workers", 0), "--workers"),
    ],
)
def test_wrong_use_ends_before_anything_runs(
    fidelity: Sixgym, tmp_path: Path, arguments: tuple[object, ...], words: str
) -> None:
    result = fidelity(tmp_path / "out", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(fidelity: Sixgym) -> None:
    result = fidelity(Path("/dev/null/out"))
    assert result.exit_code == 2
    assert "/dev/null/out" in result.stderr


def test_only_the_experiment_of_the_documentation_has_the_plain_name() -> None:
    def stem(**changes: object) -> str:
        asked: dict[str, object] = {
            "candidate": "tti",
            "reference": "ns3",
            "agents": None,
            "limit": DEFAULT_LIMIT,
            "tasks": None,
            "runs": (),
            "replay": True,
        }
        return Transfer(**{**asked, **changes}).page_stem  # type: ignore[arg-type]

    assert stem() == "fidelity-transfer"
    for change in (
        {"limit": 30},
        {"agents": "null"},
        {"candidate": "ns3"},
        {"tasks": Path("mine.json")},
    ):
        assert stem(**change) != "fidelity-transfer"
    assert stem(agents="null, sub/agents.py:X") == "fidelity-transfer-null-sub-agents.py-X"


def test_a_page_that_could_not_be_written_is_known_before_anything_runs(
    fidelity: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def touch(_self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", touch)
    result = fidelity(tmp_path / "out")
    assert result.exit_code == 2
    assert f"--out {tmp_path / 'out'}: cannot write there: Permission denied" in result.stderr
    assert written(tmp_path / "out") == {}
