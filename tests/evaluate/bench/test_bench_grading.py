"""A row of results says of an episode what was recorded, whoever grades it and when."""

from pathlib import Path

import pytest

from sixgym.agents.rules.reference import reference_agent
from sixgym.backends.simulated import SimulatedBackend
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import BackendInfo, Episode, Usage
from sixgym.evaluate.bench.run import LostEpisodesError, graded_episodes, unfinished, write_results
from sixgym.evaluate.bench.store import RunFolder, RunFolderError
from sixgym.evaluate.bench.worker import broken_episode
from sixgym.run.build import agent_seed, make_bench_agent
from sixgym.run.rollout import rollout
from sixgym.tasks.grading import grade
from sixgym.tasks.record import BenchTask
from tests.doubles import FluidSimulator
from tests.evaluate.bench.bench_samples import empty_episode, manifest_of, sample_tasks

TASKS = sample_tasks(4)
BY_ID = {task.task.id: task for task in TASKS}


@pytest.fixture
def solved() -> Episode:
    environment = Environment(SimulatedBackend(FluidSimulator()))
    return rollout(environment, reference_agent(TASKS[2]), TASKS[2].task)


def killed(task: BenchTask) -> Episode:
    return broken_episode("x", "reference", BackendInfo(name="fluid test", version="1"), task, "killed")


def test_the_reference_succeeds_and_its_calls_are_counted(solved: Episode) -> None:
    row = grade(TASKS[2], 1, solved)
    assert (row.task, row.tier, row.domain, row.trial) == ("sample-002", "L1", "uav-control", 1)
    assert (row.agent, row.network) == ("reference", "fluid test")
    assert row.success
    assert (row.calls, row.refused, row.reference_calls, row.violations) == (3, 0, 3, 0)
    assert row.tokens is None


def test_the_same_calls_with_another_answer_fail(solved: Episode) -> None:
    assert not grade(TASKS[2], 0, solved.model_copy(update={"answer": "answer: 41"})).success


def test_tokens_are_added_up_where_a_language_model_was_asked(solved: Episode) -> None:
    usage = Usage(prompt_tokens=100, completion_tokens=7)
    steps = [
        step.model_copy(update={"turn": step.turn.model_copy(update={"usage": usage})})
        for step in solved.steps[:2]
    ]
    row = grade(TASKS[2], 0, solved.model_copy(update={"steps": (*steps, solved.steps[2])}))
    assert row.tokens == 2 * 107


def test_what_broke_on_our_side_is_no_success_whatever_was_recorded(solved: Episode) -> None:
    row = grade(TASKS[2], 0, solved.model_copy(update={"infrastructure_failure": "power cut"}))
    assert not row.success
    assert row.infrastructure_failure == "power cut"
    dead = grade(TASKS[2], 0, killed(TASKS[2]))
    assert (dead.success, dead.calls, dead.infrastructure_failure) == (False, 0, "killed")


def test_a_stored_episode_gets_the_row_it_got_when_it_was_run(tmp_path: Path, solved: Episode) -> None:
    folder = RunFolder(tmp_path)
    folder.add(1, solved)
    graded = graded_episodes(folder, manifest_of(TASKS, trials=2), BY_ID)
    assert graded == {("sample-002", 1): grade(TASKS[2], 1, solved)}


def test_what_broke_is_run_again_and_the_last_time_counts(tmp_path: Path, solved: Episode) -> None:
    folder, manifest = RunFolder(tmp_path), manifest_of(TASKS[2:3])
    folder.add(0, killed(TASKS[2]))
    assert unfinished(manifest, graded_episodes(folder, manifest, BY_ID)) == [("sample-002", 0)]
    folder.add(0, solved)
    graded = graded_episodes(folder, manifest, BY_ID)
    assert unfinished(manifest, graded) == []
    assert [row.success for row in write_results(folder, manifest, graded)] == [True]


def test_fewer_results_than_were_asked_for_are_an_error(tmp_path: Path, solved: Episode) -> None:
    folder = RunFolder(tmp_path)
    with pytest.raises(LostEpisodesError, match="3 of 4 episodes are missing, first trial 0 of sample-000"):
        write_results(folder, manifest_of(TASKS), {("sample-002", 0): grade(TASKS[2], 0, solved)})
    with pytest.raises(RunFolderError, match="not finished"):
        folder.results()


def test_episodes_of_another_set_are_not_taken_for_this_ones(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    changed = TASKS[0].model_copy(
        update={"task": TASKS[0].task.model_copy(update={"intent": "Other words."})}
    )
    folder.add(0, empty_episode(changed))
    with pytest.raises(RunFolderError, match="another task set"):
        graded_episodes(folder, manifest_of(TASKS), BY_ID)


def test_agents_are_seeded_by_task_and_trial() -> None:
    seeds = {agent_seed(task, trial) for task in TASKS for trial in range(3)}
    assert len(seeds) == 12
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert agent_seed(TASKS[0], 0) == agent_seed(TASKS[0], 0)
    assert make_bench_agent("random", TASKS[0], 0) == make_bench_agent("random", TASKS[0], 0)
    assert make_bench_agent("random", TASKS[0], 0) != make_bench_agent("random", TASKS[0], 1)
