"""The benchmark as an inspect_ai task: `inspect eval sixgym/bench --model openai/...`.

The module is not called `inspect`, because inspect puts the folder of the module on the path, where that
name would hide the module of the standard library.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from functools import cache, partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from inspect_ai import Epochs, Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    ModelOutput,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, accuracy, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.tool import Tool, ToolCall, ToolDef, ToolInfo, ToolParams
from inspect_ai.util import LimitExceededError

from sixgym.agents.llm.prompt import CallStyle, feedback, opening, too_late
from sixgym.episodes.episode import Episode
from sixgym.episodes.messages import Message, Usage, WrittenCall
from sixgym.models.chat import Completion
from sixgym.run.build import make_network
from sixgym.run.session import EpisodeSession, SessionOverError
from sixgym.scoring.result import Result
from sixgym.serve.harness import Player, play, result_of, scores
from sixgym.tasks.frozen import load_task, tasks_by_id
from sixgym.tasks.record import BenchTask
from sixgym.tasks.selection import Selection, select
from sixgym.tools.base import CATALOG
from sixgym.tools.schema import openai_specs

EPISODE = "sixgym:episode"
"""Key of the episode, as JSON values, in the store of a sample."""

_SESSION: ContextVar[EpisodeSession] = ContextVar("sixgym_session")


@task
def bench(
    *,
    tier: str | None = None,
    domain: str | None = None,
    limit: int | None = None,
    trials: int = 1,
    network: str = "tti",
    tasks: str | None = None,
    style: CallStyle = "native",
) -> Task:
    """Tasks of the frozen benchmark, or of another set.

    Args:
        tier, domain, limit: Selection of the tasks, as in `sixgym bench`.
        trials: Trials of every task.
        network: Name of the network.
        tasks: Manifest of another set, for instance of `sixgym bench make --split training`.
        style: How the model calls tools.

    Raises:
        TaskSetError: there is no such set.
        SelectionError: the set has no such tasks.
    """
    known = tuple(tasks_by_id(_path(tasks)).values())
    chosen = select(known, Selection(tier=tier, domain=domain, limit=limit))
    return Task(
        dataset=MemoryDataset([_sample(one, tasks) for one in chosen], name=tasks or "6gagentbench"),
        solver=operate(network, style),
        scorer=fulfilled(),
        epochs=Epochs(trials),
    )


@solver
def operate(network: str = "tti", style: CallStyle = "native") -> Solver:
    """The model works as in `sixgym bench --agent react`: same loop, same prompts, same parsing of replies.

    A limit of inspect ends the work of the model. The network runs out and the episode is graded.

    Args:
        network: Name of the network.
        style: How the model calls tools: `native`, or `text` for a model that cannot, or whose provider drops
            the ranges from the schemas.
    """
    tools = tool_infos() if style == "native" else ()

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        model = get_model()
        state.messages = []

        async def ask(messages: Sequence[Message]) -> Completion:
            state.messages += [_chat_message(message) for message in messages[len(state.messages) :]]
            state.output = await model.generate(state.messages, tools)
            state.messages.append(state.output.message)
            return _completion(state.output)

        player = Player(str(model), ask, _is_limit, style)
        await play(_task_of(state), network, player, lambda episode: _keep(state, episode))
        return state

    return solve


@solver
def operate_with_tools(agent: Solver, network: str = "tti") -> Solver:
    """Another solver works with inspect's own tools.

    The state of the sample holds the prompt and the tools of a running network. The last output of the solver
    is the final answer, unless it calls a tool of the network. Under a limit there is no answer, and the
    episode is graded as it is. A call that inspect itself refuses, for its name or schema, does not reach the
    network and takes no network time.

    Args:
        agent: The solver: `generate()`, or an agent with `NetworkTools`.
        network: Name of the network.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        episodes: list[Episode] = []
        bench_task = _task_of(state)
        name = f"inspect/{state.model}"
        session = EpisodeSession(bench_task.task, partial(make_network, network), episodes.append, agent=name)
        mine = _SESSION.set(session)
        answer: str | None = None
        try:
            first = opening(await anyio.to_thread.run_sync(session.observe), "native")
            state.messages = [_chat_message(message) for message in first]
            state.tools = await NetworkTools().tools()
            state = await agent(state, generate)
            answer = _last_words(state.output)
        finally:
            _SESSION.reset(mine)
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_end, session, answer)
            if episodes:
                _keep(state, episodes[0])
        return state

    return solve


@scorer(
    metrics={
        "success": [accuracy(), stderr()],
        "calls": [mean()],
        "refused": [mean()],
        "violations": [mean()],
    }
)
def fulfilled() -> Scorer:
    """Whether the intent was fulfilled, with calls, refused calls and safety violations."""

    async def score(state: TaskState, target: Target) -> Score:
        stored = state.store.get(EPISODE)
        if stored is None:
            raise RuntimeError("the sample has no episode: its solver has to be one of sixgym's")
        # an infrastructure failure raises here and is an error of the sample
        result = result_of(_task_of(state), Episode.model_validate(stored))
        return Score(value=dict(scores(result)), answer=state.output.completion, explanation=_words(result))

    return score


class NetworkTools:
    """The tools of the sample's network, for agents that take their tools as an argument.

    Every call takes one decision interval. Several calls of one reply run one after another.
    """

    async def tools(self) -> list[Tool]:
        """The tools.

        Raises:
            LookupError: no network runs here; `operate_with_tools` starts one.
        """
        session, turn = _SESSION.get(), anyio.Lock()
        return [_tool(info, session, turn) for info in tool_infos()]


def _tool(info: ToolInfo, session: EpisodeSession, turn: anyio.Lock) -> Tool:
    async def execute(**kwargs: Any) -> str:
        async with turn:
            return await anyio.to_thread.run_sync(_call, session, info.name, kwargs)

    # 0 is no limit: no other interface shortens an answer either
    return ToolDef(execute, info.name, info.description, info.parameters, max_output=0).as_tool()


@cache
def tool_infos() -> tuple[ToolInfo, ...]:
    """The catalog in the types of inspect."""
    functions: list[Mapping[str, Any]] = [spec["function"] for spec in openai_specs()]
    return tuple(
        ToolInfo(
            name=function["name"],
            description=function["description"],
            parameters=ToolParams.model_validate(function["parameters"]),
        )
        for function in functions
    )


# ---------------------------------------------------------------------- tasks and grades
def _sample(bench_task: BenchTask, tasks: str | None) -> Sample:
    metadata: dict[str, Any] = {"tier": bench_task.tier, "domain": bench_task.domain, "tasks": tasks}
    return Sample(id=bench_task.task.id, input=bench_task.task.intent, metadata=metadata)


def _path(tasks: str | None) -> Path | None:
    return None if tasks is None else Path(tasks)


def _task_of(state: TaskState) -> BenchTask:
    return load_task(str(state.sample_id), _path(state.metadata["tasks"]))


def _keep(state: TaskState, episode: Episode) -> None:
    state.store.set(EPISODE, episode.model_dump(mode="json"))


def _is_limit(error: Exception) -> bool:
    return isinstance(error, LimitExceededError)


def _words(result: Result) -> str:
    verdict = "fulfilled" if result.success else "not fulfilled"
    return f"{verdict}, {result.calls} calls ({result.refused} refused), {result.violations} violations"


def _call(session: EpisodeSession, tool: str, arguments: Mapping[str, Any]) -> str:
    try:
        seen = session.call(tool, arguments)
        return feedback(seen.history[-1], seen.steps_left)
    except SessionOverError:
        written = WrittenCall(id="", tool=tool, arguments=json.dumps(arguments))
        return too_late([written])[0].content


def _last_words(output: ModelOutput) -> str | None:
    """The answer of an agent that has ended, or None if its last output still calls a tool."""
    # a tool that submits the answer belongs to the agent, not to the network
    if output.empty or any(call.function in CATALOG for call in output.message.tool_calls or ()):
        return None
    return output.completion


def _end(session: EpisodeSession, answer: str | None) -> None:
    # if the session was over before, the episode says why
    with suppress(SessionOverError):
        if answer is None:
            session.leave("the agent ended without an answer")
        else:
            session.finish(answer)


# ---------------------------------------------------------------------- messages
def _chat_message(message: Message) -> ChatMessage:
    match message.role:
        case "system":
            return ChatMessageSystem(content=message.content)
        case "user":
            return ChatMessageUser(content=message.content)
        case "tool":
            return ChatMessageTool(content=message.content, tool_call_id=message.answers)
        case "assistant":
            return ChatMessageAssistant(content=message.content)


def _completion(output: ModelOutput) -> Completion:
    message = output.message
    usage = output.usage
    return Completion(
        content=message.text,
        calls=tuple(_written(call) for call in message.tool_calls or ()),
        usage=usage and Usage(prompt_tokens=usage.input_tokens, completion_tokens=usage.output_tokens),
        cut_off=output.stop_reason in {"max_tokens", "model_length"},
    )


def _written(call: ToolCall) -> WrittenCall:
    # inspect keeps only its error message of unreadable arguments, which is no JSON either
    arguments = call.parse_error or json.dumps(call.arguments, ensure_ascii=False)
    return WrittenCall(id=call.id, tool=call.function, arguments=arguments)
