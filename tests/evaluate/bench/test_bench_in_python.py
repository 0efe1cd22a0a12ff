"""`bench` in Python: the same figures as `sixgym bench`, from a name or from an agent of one's own."""

from pathlib import Path

import pytest

from sixgym.agents.rules.null import NullAgent
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import ToolCall, Turn
from sixgym.evaluate.bench.api import bench
from sixgym.evaluate.bench.store import RunFolder, RunFolderError


class Looker:
    """Looks at the network as often as its seed says, then answers."""

    name = "looker"

    def __init__(self, seed: int) -> None:
        self._looks = 1 + seed % 3

    def act(self, observation: Observation) -> Turn:
        if len(observation.history) < self._looks:
            return Turn(call=ToolCall(tool="check_network_state", arguments={}))
        return Turn(answer="seen")


def test_the_null_agent_meets_no_goal() -> None:
    report = bench("null", limit=3)
    assert (report.agent, report.network, report.overall.n) == ("null", "tti", 3)
    assert report.overall.success_rate == 0
    assert report.run == ""


def test_an_agent_of_ones_own_is_graded_like_a_named_agent(tmp_path: Path) -> None:
    named = bench("null", limit=2, out=tmp_path / "named")
    own = bench(NullAgent, limit=2, out=tmp_path / "own")
    assert own.overall.calls == named.overall.calls
    assert [row.success for row in RunFolder(tmp_path / "own").results()] == [
        row.success for row in RunFolder(tmp_path / "named").results()
    ]


def test_results_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for workers, folder in enumerate(folders, 1):
        bench(Looker, limit=4, trials=2, workers=workers, out=folder)
    one, two = ({row.key: row.calls for row in RunFolder(folder).results()} for folder in folders)
    assert one == two
    assert len(one) == 8
    assert len(set(one.values())) > 1  # every trial has its own seed


def test_a_run_is_kept_and_goes_on_only_when_asked(tmp_path: Path) -> None:
    first = bench("null", limit=1, out=tmp_path / "run")
    assert first.run == str(tmp_path / "run")
    assert len(list(RunFolder(tmp_path / "run").episodes(1))) == 1
    with pytest.raises(RunFolderError, match="not empty"):
        bench("null", limit=2, out=tmp_path / "run")
    assert bench("null", limit=2, out=tmp_path / "run", resume=True).overall.n == 2


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    bench("null", limit=1)
    assert capfd.readouterr() == ("", "")


def test_a_name_that_is_no_agent_is_refused_before_any_episode(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Known: null"):
        bench("nobody", out=tmp_path / "run")
    with pytest.raises(ValueError, match="returned str"):
        bench(lambda: "no agent", out=tmp_path / "run")  # type: ignore[arg-type,return-value]
    assert not (tmp_path / "run").exists()
