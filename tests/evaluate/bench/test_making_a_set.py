"""Making a set: what is taken, what is thrown out, and how an interrupted making goes on."""

from collections.abc import Collection
from functools import partial
from pathlib import Path

import pytest

from sixgym.domain.intent import Goal, Target
from sixgym.domain.splits import Split
from sixgym.evaluate.bench import making
from sixgym.evaluate.bench.findings import Candidate, CandidateFinding, ProofConditions
from sixgym.evaluate.bench.making import Making, make_task_set
from sixgym.run.build import make_environment
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.frozen import Manifest, load_task_set
from sixgym.tasks.record import DOMAINS, TIERS, BenchTask, Domain, Tier
from tests.evaluate.bench.bench_samples import sample_task, sample_tasks

CELLS = len(DOMAINS) * len(TIERS)
OPEN: Collection[tuple[Domain, Tier]] = (("uav-control", "L1"), ("multi-agent-coordination", "L1"))


CONDITIONS = ProofConditions(
    split="held_out", first=0, prove=None, networks={"tti": make_simulator("tti").version}
)


def found(task: BenchTask, number: int = 0) -> CandidateFinding:
    candidate = Candidate(domain=task.domain, tier=task.tier, number=number)
    return CandidateFinding(candidate=candidate, task=task)


def notes(path: Path) -> Path:
    return path.with_name(f"{path.stem}.findings.jsonl")


def write_notes(path: Path, *findings: CandidateFinding) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (CONDITIONS.model_dump_json(), *(finding.model_dump_json() for finding in findings))
    notes(path).write_text("".join(f"{line}\n" for line in lines))


def begin(path: Path, *, leaving: Collection[tuple[Domain, Tier]] = ()) -> None:
    """A making that was interrupted when all cells but some were done."""
    write_notes(
        path, *(found(task) for task in sample_tasks(CELLS) if (task.domain, task.tier) not in leaving)
    )


def go_on(path: Path, *, split: Split = "held_out") -> tuple[Manifest, list[CandidateFinding]]:
    seen: list[CandidateFinding] = []
    manifest = make_task_set(
        Making(per_cell=1, split=split),
        path,
        name="samples",
        version="1",
        command="sixgym bench make",
        progress=seen.append,
    )
    return manifest, seen


def test_a_making_goes_on_with_what_is_missing_and_gives_the_same_bytes_as_one_without_a_break(
    tmp_path: Path,
) -> None:
    whole, broken = tmp_path / "whole" / "s.json", tmp_path / "broken" / "s.json"
    begin(whole, leaving=OPEN)
    manifest, seen = go_on(whole)
    assert [(finding.candidate.domain, finding.candidate.tier) for finding in seen[:2]] == list(OPEN)
    assert manifest.tasks == len(load_task_set(whole).tasks) == CELLS

    assert not notes(whole).exists()

    begin(broken, leaving=OPEN)
    *before, last = (f"{finding.model_dump_json()}\n" for finding in seen)
    with notes(broken).open("a") as file:
        file.write("".join(before) + last[: len(last) // 2])
    _, seen_again = go_on(broken)
    assert len(seen_again) == 1
    assert broken.read_bytes() == whole.read_bytes()
    for path in (whole, broken):
        assert path.with_name("s.jsonl.gz").exists()
    assert broken.with_name("s.jsonl.gz").read_bytes() == whole.with_name("s.jsonl.gz").read_bytes()


def test_a_making_that_is_complete_looks_at_nothing_again(tmp_path: Path) -> None:
    begin(tmp_path / "s.json")
    manifest, seen = go_on(tmp_path / "s.json")
    assert not seen
    assert manifest.tasks == CELLS
    assert manifest.thrown_out == {}


def test_a_candidate_that_was_thrown_out_is_counted_with_its_reason(tmp_path: Path) -> None:
    first = sample_task(0)
    reason = CandidateFinding(
        candidate=Candidate(domain=first.domain, tier=first.tier, number=0), reason="null passes on tti"
    )
    others = [found(task) for task in sample_tasks(CELLS)[1:]]
    write_notes(tmp_path / "s.json", reason, *others, found(first, number=1))
    manifest, seen = go_on(tmp_path / "s.json")
    assert not seen
    assert manifest.thrown_out == {"null passes on tti": 1}
    assert first in load_task_set(tmp_path / "s.json").tasks


def test_of_more_candidates_than_are_needed_the_first_are_taken(tmp_path: Path) -> None:
    spare = sample_task(CELLS)  # the cell of the first sample again
    write_notes(tmp_path / "s.json", found(spare, 1), *(found(task) for task in sample_tasks(CELLS)))
    manifest, _ = go_on(tmp_path / "s.json")
    assert spare not in load_task_set(tmp_path / "s.json").tasks
    assert manifest.thrown_out == {"not needed": 1}


def test_a_file_that_holds_no_findings_is_refused(tmp_path: Path) -> None:
    notes(tmp_path / "s.json").write_text("{}\n")
    with pytest.raises(ValueError, match="holds no findings"):
        go_on(tmp_path / "s.json")


def test_findings_of_another_making_are_refused(tmp_path: Path) -> None:
    begin(tmp_path / "s.json")
    with pytest.raises(ValueError, match="split"):
        go_on(tmp_path / "s.json", split="training")


# ---------------------------------------------------------------------- objections
def with_goal(task: BenchTask, share: float) -> BenchTask:
    target = Target(metric="traffic_share", condition="IS_GREATER_THAN", value=share, group="drone")
    goal = Goal(targets=(target,), window=1)
    return task.model_copy(update={"task": task.task.model_copy(update={"goal": goal})})


def test_what_nobody_has_to_work_for_and_what_nobody_can_do_is_thrown_out() -> None:
    with make_environment("tti") as environment:
        objection = partial(making._objection, environment, chance=())
        assert objection(with_goal(sample_task(0), 0.5)) == "null passes on tti"
        assert objection(with_goal(sample_task(0), 1.5)) == "the reference solution fails on tti"
        assert objection(sample_task(0)) is None
