import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import verifiers.v1 as vf

from sixgym.episodes.episode import Episode
from sixgym.scoring.result import Result
from sixgym.serve import verifiers as adapter
from sixgym.serve.harness import result_of
from sixgym.serve.verifiers import PLUGIN, NetworkHarness, load_environment
from sixgym.simulators.factory import SIMULATORS
from sixgym.tasks.frozen import TaskSetError, tasks_by_id, write_task_set
from sixgym.tasks.record import BenchTask
from sixgym.tasks.selection import SelectionError
from sixgym.tools.schema import openai_specs
from tests.adapters.samples import (
    clumsy_calls,
    comparable,
    played_by_replies,
    short_tasks,
    snippets,
    texts_of_a_run,
    written,
)
from tests.chat_server import ChatServer, Json, Reply, call, say
from tests.doubles import FluidSimulator

Answer = Callable[[Json], Json | Reply]


def reference(request: Json) -> Json:
    """The next call of the solution of the task that the conversation is about, or its answer."""
    messages = request["messages"]
    task = next(task for task in tasks_by_id(None).values() if task.task.intent in messages[1]["content"])
    made = sum(message["role"] == "tool" for message in messages)
    if made == len(task.reference):
        return say(task.reference_answer)
    return calling(task.reference[made].tool, task.reference[made].arguments, made)


def calling(tool: str, arguments: object, number: int = 0) -> Json:
    return say("", calls=[call(tool, arguments, f"call{number:05d}")])


def nothing(request: Json) -> Json:
    return say("Done.")


def named(answer: Answer) -> Answer:
    """The same with the name of the model, which verifiers insists on."""

    def reply(request: Json) -> Json | Reply:
        replied = answer(request)
        return replied if isinstance(replied, Reply) else {**replied, "model": "scripted"}

    return reply


def traces(
    answer: Answer, number: int = 1, agent: Json | None = None, **options: Any
) -> tuple[list[vf.Trace], list[Json]]:
    """The traces of the first tasks, all at once, and the requests that the model's server got."""

    async def run(url: str) -> list[vf.Trace]:
        environment = load_environment(limit=number, tier="L1", **options)
        if agent:
            config = environment.config.model_dump()
            config["agent"].update(agent)
            environment = vf.load_environment(vf.resolve_env_config(config))
        client = vf.EvalClientConfig(base_url=url, api_key_var="NO_SUCH_VARIABLE")
        context = vf.ModelContext(model="scripted", client=client, sampling=vf.SamplingConfig(temperature=0))
        async with environment.serving():
            episodes = await asyncio.gather(
                *(environment.run_episode(task, context) for task in environment.taskset)
            )
        return [episode.traces[0] for episode in episodes]

    with ChatServer(named(answer)) as server:
        return asyncio.run(run(server.url)), [request.json for request in server.requests]


def trace_of(answer: Answer, agent: Json | None = None, **options: Any) -> vf.Trace:
    return traces(answer, 1, agent, **options)[0][0]


def first_task() -> BenchTask:
    return short_tasks(1)[0]


def test_a_reference_solution_is_rewarded() -> None:
    trace = trace_of(reference)
    assert trace.ok, trace.errors
    assert trace.reward == 1.0
    assert trace.metrics == {"calls": len(first_task().reference), "refused": 0.0, "violations": 0.0}
    assert trace.info["sixgym"]["success"]


def test_doing_nothing_is_not_rewarded() -> None:
    trace = trace_of(nothing)
    assert trace.ok, trace.errors
    assert trace.reward == 0.0


def test_the_model_is_asked_with_the_prompt_and_the_tools_of_a_run() -> None:
    (trace,), requests = traces(reference)
    before, after = texts_of_a_run(first_task())
    last = requests[-1]["messages"]
    assert trace.reward == 1.0
    assert [message["role"] for message in last[:2]] == ["system", "user"]
    assert [message["content"] for message in last[:2]] == before
    assert [message["content"] for message in last if message["role"] == "tool"] == after
    assert all(request["tools"] == openai_specs() for request in requests)


def test_only_what_the_model_wrote_is_the_models() -> None:
    trace = trace_of(reference)
    roles = {(node.message.role, node.sampled) for node in trace.nodes}
    assert roles == {("system", False), ("user", False), ("tool", False), ("assistant", True)}
    assert len(trace.branches) == 1


def test_a_model_without_tool_calls_plays_in_text() -> None:
    def tagged(request: Json) -> Json:
        reply = reference(request)["choices"][0]["message"]
        made = sum(message["role"] == "assistant" for message in request["messages"])
        if made == len(first_task().reference):
            return say(f"<think>done</think><answer>{first_task().reference_answer}</answer>")
        assert "tools" not in request
        function = reply["tool_calls"][0]["function"]
        body = f'{{"name": "{function["name"]}", "arguments": {function["arguments"]}}}'
        return say(f"<think>go</think><tool_call>{body}</tool_call>")

    (trace,), requests = traces(tagged, style="text")
    assert trace.reward == 1.0
    assert {message["role"] for message in requests[-1]["messages"]} == {"system", "user", "assistant"}
    assert len(trace.branches) == 1


def test_reasoning_that_the_server_keeps_apart_leaves_one_sample() -> None:
    def reasoned(request: Json) -> Json:
        reply = reference(request)
        reply["choices"][0]["message"]["reasoning_content"] = "I think, therefore I call."
        return reply

    trace = trace_of(reasoned)
    assert trace.reward == 1.0
    assert len(trace.branches) == 1


def test_a_call_that_cannot_be_read_is_refused_by_the_network() -> None:
    def hasty(request: Json) -> Json:
        return calling("read_telemetry", "{") if len(request["messages"]) == 2 else say("Done.")

    trace = trace_of(hasty)
    assert trace.ok, trace.errors
    assert (trace.metrics["calls"], trace.metrics["refused"]) == (1.0, 1.0)


def test_the_episode_is_that_of_the_same_model_in_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    episodes: list[Episode] = []

    def graded(task: BenchTask, episode: Episode) -> Result:
        episodes.append(episode)
        return result_of(task, episode)

    def clumsy(request: Json) -> Json:
        made = sum(message["role"] == "tool" for message in request["messages"])
        plan = clumsy_calls(first_task())
        if made == len(plan):
            return say(first_task().reference_answer)
        one = written(made, *plan[made])
        return say("", calls=[call(one.tool, one.arguments, one.id)])

    # the harness keeps the grade alone
    monkeypatch.setattr(adapter, "result_of", graded)
    assert trace_of(clumsy).ok
    assert comparable(episodes[0]) == comparable(played_by_replies(first_task()))


def test_nothing_the_model_is_shown_tells_the_grade() -> None:
    _, requests = traces(reference)
    texts = [message["content"] for message in requests[-1]["messages"]]
    assert not any(word in text for text in texts for word in ("success", "reward", "violations"))


def test_rollouts_at_once_have_networks_of_their_own() -> None:
    found, _ = traces(reference, 6)
    assert [trace.reward for trace in found] == [1.0] * 6
    assert len({trace.task.key for trace in found}) == 6


def test_a_limit_ends_the_work_and_what_was_done_is_graded() -> None:
    trace = trace_of(lambda _: calling("read_telemetry", {}), {"max_turns": 2})
    assert trace.ok, trace.errors
    assert trace.stop_condition == "max_turns"
    assert (trace.reward, trace.metrics["calls"]) == (0.0, 2.0)


def test_a_deadline_ends_the_work_and_what_was_done_is_graded() -> None:
    trace = trace_of(lambda _: Reply(silent=True), {"timeout": {"rollout": 3.0}})
    assert trace.ok, trace.errors
    assert trace.stop_condition is not None
    assert "timeout" in trace.stop_condition
    assert trace.reward == 0.0


@pytest.mark.parametrize("fail_after", [0, 2])
def test_a_network_that_breaks_is_an_error_and_no_grade(
    monkeypatch: pytest.MonkeyPatch, fail_after: int
) -> None:
    monkeypatch.setitem(SIMULATORS, "tti", lambda: FluidSimulator(fail_after=fail_after))
    trace = trace_of(reference)
    assert not trace.ok
    assert "the test simulator broke" in trace.errors[-1].message
    assert trace.rewards == {}


def test_a_model_that_fails_is_an_error_and_no_grade() -> None:
    trace = trace_of(lambda _: Reply(body={"error": {"message": "no such model"}}, status=404))
    assert not trace.ok
    assert trace.rewards == {}


def test_tasks_of_another_set_can_be_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    chosen = short_tasks(4)[2:]
    write_task_set(path, chosen, name="mine", version="1", command="test")
    found = list(load_environment(path).taskset)
    assert [task.key for task in found] == [one.task.id for one in chosen]
    assert [task.data.prompt for task in found] == [one.task.intent for one in chosen]


def test_wrong_tasks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskSetError):
        list(load_environment(tmp_path / "none.json").taskset)
    with pytest.raises(SelectionError):
        list(load_environment(tier="L9").taskset)


def test_verifiers_finds_the_plugin_by_its_name() -> None:
    environment = vf.load_environment(vf.resolve_env_config({"taskset": {"id": PLUGIN, "limit": 1}}))
    assert environment.config.agent.runtime.type == "subprocess"
    assert vf.default_harness_id(PLUGIN) == PLUGIN
    assert isinstance(vf.load_harness(vf.harness_config_type(PLUGIN)(id=PLUGIN)), NetworkHarness)


def test_the_program_in_the_documentation_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = snippets("verifiers")
    with ChatServer(named(reference)) as server:
        exec(program.replace("http://127.0.0.1:8000/v1", server.url), {})
    assert capsys.readouterr().out.count(" 1.0 ") == 2
