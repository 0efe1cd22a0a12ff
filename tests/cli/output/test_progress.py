"""Progress without a terminal: a line now and then, and a line at the end."""

import io

import pytest

from sixgym.cli.bench import make as bench_make
from sixgym.cli.bench.make import make
from sixgym.cli.output import progress
from sixgym.cli.output.progress import metering
from sixgym.evaluate.bench.findings import Candidate, CandidateFinding
from sixgym.tasks.frozen import Manifest
from tests.evaluate.bench.bench_samples import sample_tasks


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds; set it."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_line_comes_every_ten_seconds_and_at_the_end(clock: list[float]) -> None:
    log = io.StringIO()
    with metering(log, "learning", 40, "iterations") as meter:
        for second in range(1, 41):
            clock[0] = float(second)
            meter.advance()
    assert log.getvalue().splitlines() == [f"learning: {done} of 40 iterations" for done in (10, 20, 30, 40)]


def test_a_line_of_ones_own_counts_as_a_sign_of_life(clock: list[float]) -> None:
    log = io.StringIO()
    with metering(log, "learning", 3, "iterations", done=1) as meter:
        clock[0] = 15
        meter.say("iteration 2: [it] went well")
        meter.advance()
        clock[0] = 16
        meter.advance(counts="1 met")
    assert log.getvalue().splitlines() == [
        "iteration 2: [it] went well",
        "learning: 3 of 3 iterations, 1 met",
    ]


def test_making_a_set_says_what_was_taken_and_thrown_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clock: list[float], tmp_path: object
) -> None:
    (task,) = sample_tasks(1)
    candidate = Candidate(domain=task.domain, tier=task.tier, number=0)

    def make_task_set(*_: object, progress: object, **__: object) -> Manifest:
        for second, finding in enumerate(
            [
                CandidateFinding(candidate=candidate, reason="null passes on tti"),
                CandidateFinding(candidate=candidate, task=task),
                CandidateFinding(candidate=candidate, reason="null passes on tti"),
            ]
        ):
            clock[0] = 6.0 * (second + 1)
            progress(finding)  # type: ignore[operator]
        return Manifest(name="x", version="1", sha256="0", tasks=1, tiers={}, domains={}, command="")

    monkeypatch.setattr(bench_make, "make_task_set", make_task_set)
    make(out=tmp_path / "x.json", per_cell=1, split="training")  # type: ignore[operator]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "taken: 1 of 15 tasks, 1 candidates thrown out"
    assert lines[1] == "thrown out 2: null passes on tti"
