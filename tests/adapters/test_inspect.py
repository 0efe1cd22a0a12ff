import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval as run
from inspect_ai.agent import as_solver, react
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import ChatMessage, ModelOutput, ModelUsage, get_model
from inspect_ai.solver import Solver, generate
from inspect_ai.tool import ToolInfo

from sixgym.episodes.episode import Episode
from sixgym.serve.inspect_tasks import EPISODE, NetworkTools, bench, operate_with_tools, tool_infos
from sixgym.simulators.factory import SIMULATORS
from sixgym.tasks.frozen import tasks_by_id
from sixgym.tasks.record import BenchTask
from sixgym.tools.base import CATALOG
from tests.adapters.samples import (
    arguments_of,
    clumsy_calls,
    comparable,
    played_by_calls,
    played_by_replies,
    short_tasks,
    snippets,
    texts_of_a_run,
)
from tests.doubles import FluidSimulator

Reply = Callable[[list[ChatMessage], BenchTask], ModelOutput]
NAME = "mockllm/model"


def counted(output: ModelOutput) -> ModelOutput:
    # without them the mock model loads a tokenizer from the internet
    output.usage = ModelUsage(input_tokens=100, output_tokens=10, total_tokens=110)
    return output


def evaluated(
    tmp_path: Path, reply: Reply, *, tools: bool = False, agent: Solver | None = None, **options: Any
) -> EvalLog:
    """The log of one task with a model that replies so."""
    only = short_tasks(1)[0]

    def answer(messages: list[ChatMessage], *_: object) -> ModelOutput:
        return counted(reply(messages, only))

    task_options = {key: options.pop(key) for key in ("trials", "style") if key in options}
    logs = run(
        bench(tier=only.tier, domain=only.domain, limit=1, **task_options),
        model=get_model(NAME, custom_outputs=answer, memoize=False),
        log_dir=str(tmp_path),
        display="none",
        **({"solver": operate_with_tools(generate() if agent is None else agent)} if tools else {}),
        **options,
    )
    return logs[0]


def sample_of(log: EvalLog) -> EvalSample:
    assert log.status == "success", log.error
    assert log.samples
    return log.samples[0]


def values(sample: EvalSample) -> dict[str, Any]:
    assert sample.scores
    value = sample.scores["fulfilled"].value
    assert isinstance(value, dict)
    return value


def episode_of(sample: EvalSample) -> Episode:
    return Episode.model_validate(sample.store[EPISODE])


def reference(messages: list[ChatMessage], task: BenchTask) -> ModelOutput:
    """The next call of the reference solution, or its answer."""
    made = sum(message.role == "tool" for message in messages)
    if made == len(task.reference):
        return ModelOutput.from_content(NAME, task.reference_answer)
    call = task.reference[made]
    return ModelOutput.for_tool_call(NAME, call.tool, dict(arguments_of(call)))


def nothing(messages: list[ChatMessage], task: BenchTask) -> ModelOutput:
    return ModelOutput.from_content(NAME, "Done.")


@pytest.mark.parametrize("tools", [False, True])
def test_a_reference_solution_scores_one(tmp_path: Path, tools: bool) -> None:
    sample = sample_of(evaluated(tmp_path, reference, tools=tools))
    calls = float(len(short_tasks(1)[0].reference))
    assert values(sample) == {"success": 1.0, "calls": calls, "refused": 0.0, "violations": 0.0}


@pytest.mark.parametrize("tools", [False, True])
def test_doing_nothing_scores_zero(tmp_path: Path, tools: bool) -> None:
    assert values(sample_of(evaluated(tmp_path, nothing, tools=tools)))["success"] == 0.0


def test_an_agent_of_inspect_can_be_given_the_tools(tmp_path: Path) -> None:
    agent = as_solver(react(prompt=None, submit=False, tools=[NetworkTools()]))
    sample = sample_of(evaluated(tmp_path, reference, tools=True, agent=agent))
    assert values(sample)["success"] == 1.0
    assert values(sample)["calls"] == len(short_tasks(1)[0].reference)
    before, after = texts_of_a_run(short_tasks(1)[0])
    assert [message.text for message in sample.messages if message.role != "assistant"] == before + after


def test_both_ways_show_the_model_byte_for_byte_what_it_reads_in_a_run(tmp_path: Path) -> None:
    def shown(tools: bool) -> list[tuple[str, str]]:
        sample = sample_of(evaluated(tmp_path, reference, tools=tools))
        return [(message.role, message.text) for message in sample.messages if message.role != "assistant"]

    assert shown(True) == shown(False)
    before, after = texts_of_a_run(short_tasks(1)[0])
    assert [text for _, text in shown(True)] == before + after


def test_nothing_a_model_is_shown_tells_the_grade(tmp_path: Path) -> None:
    sample = sample_of(evaluated(tmp_path, reference))
    texts = [message.text for message in sample.messages]
    assert not any(word in text for text in texts for word in ("success", "reward", "violations"))


def test_calls_that_cannot_be_read_are_refused_by_the_network(tmp_path: Path) -> None:
    def wrong(messages: list[ChatMessage], task: BenchTask) -> ModelOutput:
        made = sum(message.role == "tool" for message in messages)
        if made == 3:
            return ModelOutput.from_content(NAME, "Done.")
        output = ModelOutput.for_tool_call(
            NAME, ["no_such_tool", "request_handover", "read_telemetry"][made], {}
        )
        assert output.message.tool_calls
        output.message.tool_calls[0].parse_error = "Error parsing {" if made == 2 else None
        return output

    sample = sample_of(evaluated(tmp_path, wrong))
    steps = episode_of(sample).steps
    assert [step.outcome.ok for step in steps] == [False, False, False]
    assert values(sample)["refused"] == 3.0


def test_a_model_without_tool_calls_plays_in_text(tmp_path: Path) -> None:
    def tagged(messages: list[ChatMessage], task: BenchTask) -> ModelOutput:
        made = sum(message.role == "assistant" for message in messages)
        if made == len(task.reference):
            words = f"<think>done</think><answer>{task.reference_answer}</answer>"
        else:
            call = task.reference[made]
            body = json.dumps({"name": call.tool, "arguments": arguments_of(call)})
            words = f"<think>go</think><tool_call>{body}</tool_call>"
        return ModelOutput.from_content(NAME, words)

    sample = sample_of(evaluated(tmp_path, tagged, style="text"))
    assert values(sample)["success"] == 1.0
    assert {message.role for message in sample.messages} == {"system", "user", "assistant"}


def test_epochs_are_trials(tmp_path: Path) -> None:
    log = evaluated(tmp_path, reference, trials=2)
    assert log.samples is not None
    assert [values(sample)["success"] for sample in log.samples] == [1.0, 1.0]
    assert log.results is not None
    metrics = {score.name: score.metrics for score in log.results.scores}
    assert list(metrics["success"]) == ["accuracy", "stderr"]
    assert metrics["success"]["accuracy"].value == 1.0
    assert metrics["calls"]["mean"].value == len(short_tasks(1)[0].reference)


def test_a_limit_ends_the_work_and_what_was_done_is_graded(tmp_path: Path) -> None:
    sample = sample_of(evaluated(tmp_path, reference, message_limit=4))
    assert sample.limit is not None
    assert values(sample)["calls"] >= 1
    episode = episode_of(sample)
    assert len(episode.steps) + len(episode.remainder) == episode.task.horizon


@pytest.mark.parametrize("limit", [{"message_limit": 9}, {"token_limit": 400}])
def test_under_a_limit_a_working_turn_is_no_answer_whoever_works(
    tmp_path: Path, limit: dict[str, int]
) -> None:
    def chatty(messages: list[ChatMessage], task: BenchTask) -> ModelOutput:
        made = sum(message.role == "tool" for message in messages)
        output = (
            reference(messages, task)
            if made < len(task.reference)
            else ModelOutput.for_tool_call(NAME, "read_telemetry", {})
        )
        output.completion = f"I still work. {task.reference_answer}"
        return output

    def graded(tools: bool) -> tuple[dict[str, Any], Episode]:
        sample = sample_of(evaluated(tmp_path, chatty, tools=tools, **limit))
        assert sample.limit is not None
        return values(sample), episode_of(sample)

    (own, own_episode), (other, other_episode) = graded(False), graded(True)
    assert own_episode.answer is other_episode.answer is None
    assert own == other
    assert len(other_episode.steps) + len(other_episode.remainder) == other_episode.task.horizon


def test_an_agent_that_submits_its_answer_is_taken_at_its_word(tmp_path: Path) -> None:
    def submitting(messages: list[ChatMessage], task: BenchTask) -> ModelOutput:
        output = reference(messages, task)
        if output.message.tool_calls:
            return output
        return ModelOutput.for_tool_call(NAME, "submit", {"answer": task.reference_answer}, content="")

    agent = as_solver(react(prompt=None, tools=[NetworkTools()]))
    sample = sample_of(evaluated(tmp_path, submitting, tools=True, agent=agent))
    assert values(sample)["success"] == 1.0
    assert episode_of(sample).answer == short_tasks(1)[0].reference_answer


def test_an_agent_that_ends_with_a_call_has_given_no_answer(tmp_path: Path) -> None:
    sample = sample_of(evaluated(tmp_path, reference, tools=True, agent=generate(tool_calls="single")))
    assert (episode_of(sample).answer, len(episode_of(sample).steps)) == (None, 1)
    assert values(sample)["success"] == 0.0


def test_an_agents_calls_make_the_episode_that_they_make_in_a_run(tmp_path: Path) -> None:
    def known_tools_only(messages: list[ChatMessage], task: BenchTask) -> ModelOutput:
        # one that does not exist is refused by inspect itself
        plan = clumsy_calls(task)[1:]
        made = sum(message.role == "tool" for message in messages)
        if made == len(plan):
            return ModelOutput.from_content(NAME, task.reference_answer)
        return ModelOutput.for_tool_call(NAME, *plan[made])

    episode = episode_of(sample_of(evaluated(tmp_path, known_tools_only, tools=True)))
    task = short_tasks(1)[0]
    assert comparable(episode) == comparable(played_by_calls(task, clumsy_calls(task)[1:]))


def clumsy(messages: list[ChatMessage], task: BenchTask) -> ModelOutput:
    made = sum(message.role == "tool" for message in messages)
    plan = clumsy_calls(task)
    if made == len(plan):
        return ModelOutput.from_content(NAME, task.reference_answer)
    return ModelOutput.for_tool_call(NAME, *plan[made], tool_call_id=f"call{made:05d}", content="")


def test_the_episode_is_that_of_the_same_model_in_a_run(tmp_path: Path) -> None:
    episode = episode_of(sample_of(evaluated(tmp_path, clumsy)))
    assert comparable(episode) == comparable(played_by_replies(short_tasks(1)[0]))


@pytest.mark.parametrize("fail_after", [0, 2])
@pytest.mark.parametrize("tools", [False, True])
def test_a_network_that_breaks_is_an_error_of_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tools: bool, fail_after: int
) -> None:
    monkeypatch.setitem(SIMULATORS, "tti", lambda: FluidSimulator(fail_after=fail_after))
    log = evaluated(tmp_path, nothing, tools=tools)
    assert log.status == "error"
    assert log.samples
    assert not log.samples[0].scores
    assert log.samples[0].error is not None
    assert "the test simulator broke" in log.samples[0].error.message


def test_a_model_that_fails_is_an_error_of_the_sample(tmp_path: Path) -> None:
    def broken(messages: list[ChatMessage], task: BenchTask) -> ModelOutput:
        raise RuntimeError("the provider is down")

    log = evaluated(tmp_path, broken)
    assert log.status == "error"
    assert not log.samples or not log.samples[0].scores


def test_samples_at_once_have_networks_of_their_own(tmp_path: Path) -> None:
    def answer(messages: list[ChatMessage], *_: object) -> ModelOutput:
        intent = messages[1].text
        task = next(task for task in tasks_by_id(None).values() if task.task.intent in intent)
        return counted(reference(messages, task))

    logs = run(
        bench(tier="L1", limit=4),
        model=get_model(NAME, custom_outputs=answer, memoize=False),
        log_dir=str(tmp_path),
        display="none",
        max_samples=4,
    )
    samples = logs[0].samples
    assert samples is not None
    assert len(samples) == 4
    assert [values(sample)["success"] for sample in samples] == [1.0] * 4
    assert len({sample.id for sample in samples}) == 4


def test_inspect_describes_every_tool_of_the_catalog() -> None:
    infos: dict[str, ToolInfo] = {info.name: info for info in tool_infos()}
    assert list(infos) == list(CATALOG)
    for name, tool in CATALOG.items():
        assert set(infos[name].parameters.properties) == set(tool.arguments.model_fields)


@pytest.mark.parametrize("number", [0, 1])
def test_the_programs_in_the_documentation_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    monkeypatch.setenv("INSPECT_LOG_DIR", str(tmp_path))
    monkeypatch.setenv("INSPECT_DISPLAY", "none")
    model = get_model(
        NAME, custom_outputs=lambda *_: counted(ModelOutput.from_content(NAME, "Done.")), memoize=False
    )
    program = snippets("Inspect")[number]
    exec(program.replace('model="openai/NAME"', "model=model"), {"model": model})
    assert len(list(tmp_path.glob("*.eval"))) == 1
    if number == 0:
        assert "success {'accuracy': 0.0" in capsys.readouterr().out
