"""The 42 tools over MCP, and one more tool that ends the task.

Tools, schemas and descriptions come from the catalog. A client reads the same prompts and answers as a
language model in `sixgym run`: both come from `agents.llm.prompt`.
"""

import json
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache, wraps
from typing import Any, TypeVar

from mcp.server import Server
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    ListToolsResult,
    PaginatedRequestParams,
    Prompt,
    PromptMessage,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    TextContent,
    TextResourceContents,
    Tool,
    ToolAnnotations,
)
from pydantic import Field, ValidationError

from sixgym._version import __version__
from sixgym.agents.llm.prompt import feedback, opening
from sixgym.domain.base import Record
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Task
from sixgym.run.session import SessionOverError, SessionProgress
from sixgym.serve.sessions import Report, ServedClient, Sessions
from sixgym.tools.base import Effect, explain
from sixgym.tools.schema import json_specs, self_contained

logger = logging.getLogger(__name__)

Context = ServerRequestContext[ServedClient]
ParamsT = TypeVar("ParamsT")
ResultT = TypeVar("ResultT")
Handler = Callable[[Context, ParamsT], Awaitable[ResultT]]

FINISH = "finish_task"

ANNOTATIONS = {
    Effect.REASONING: ToolAnnotations(
        read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    ),
    Effect.OBSERVATION: ToolAnnotations(
        read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    ),
    # a new route or plan replaces the old one; repeated tasks, alerts and log lines add up
    Effect.COMMAND: ToolAnnotations(
        read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False
    ),
    # one slice takes PRBs from another; a repeated graceful_degradation starts its time again
    Effect.CONFIGURATION: ToolAnnotations(
        read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False
    ),
}
"""Hints for the confirmations of a client. No call touches anything outside the simulated network."""

_FINISH_DESCRIPTION = """\
End the task with your final answer. Not a tool of the network: it takes no interval and costs no call.

Call it once, when the intent is fulfilled or nothing more can be done; no call is carried out afterwards. \
The network runs on without you to the end of the task, and how it does then is what counts."""

_SCENARIO = {
    "name": True,
    "decision_interval_ms": True,
    "cells": True,
    "slices": True,
    "groups": {
        "__all__": {
            "name": True,
            "slice": True,
            "count": True,
            "traffic": True,
            "workload": True,
            "priority": True,
            "airframe": {
                "cruise_speed_mps",
                "max_speed_mps",
                "min_altitude_m",
                "max_altitude_m",
                "mass_kg",
                "battery_wh",
                "onboard_megacycles_per_s",
            },
        }
    },
    "managed": True,
    "compute": True,
    "home_edge": True,
    "backhaul": True,
    "handover": True,
    "geofences": True,
}
"""The fields of a scenario that an operator knows. Faults, goals, seeds and the description, which tells the
faults, are not among them. A field that is added to scenarios later is hidden until it is named here."""

_INTENT, _NETWORK, _STATE = "sixgym://intent", "sixgym://scenario", "sixgym://state"
_TEXT, _JSON = "text/plain", "application/json"

_RESOURCES = [
    Resource(
        uri=_INTENT,
        name="intent",
        title="Intent",
        mime_type=_TEXT,
        description="What the operator wants.",
    ),
    Resource(
        uri=_NETWORK,
        name="scenario",
        title="Scenario",
        mime_type=_JSON,
        description="The network as it is built: cells, slices, groups, servers, fences.",
    ),
    Resource(
        uri=_STATE,
        name="state",
        title="State",
        mime_type=_JSON,
        description="The service level, the state of the network now, names to use in calls, calls left.",
    ),
]

_PROMPT = Prompt(
    name="operate",
    title="Operate the network",
    description="The task as it is put to agents in `sixgym run`.",
)


class _FinishArguments(Record):
    answer: str = Field(
        max_length=20_000,
        description="what you found and did; if the operator asked for a figure or a name, "
        "it ends with a line `answer: ...`",
    )


def make_server(sessions: Sessions) -> Server[ServedClient]:
    """An MCP server with a session for every connection, for any transport."""

    @asynccontextmanager
    async def lifespan(_: Server[ServedClient]) -> AsyncGenerator[ServedClient]:
        async with sessions.client() as client:
            yield client

    async def read(context: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        return await _read_resource(context, params, sessions.task)

    server = Server(
        "sixgym",
        version=__version__,
        title="6G network",
        instructions=_instructions(sessions.task),
        lifespan=lifespan,
        on_list_tools=_hiding_faults(_list_tools),
        on_call_tool=_hiding_faults(_call_tool),
        on_list_resources=_hiding_faults(_list_resources),
        on_read_resource=_hiding_faults(read),
        on_list_prompts=_hiding_faults(_list_prompts),
        on_get_prompt=_hiding_faults(_get_prompt),
    )
    server.middleware.append(_end_silence)
    return server


async def _end_silence(ctx: Context, call_next: CallNext) -> HandlerResult:
    """Count every message of a client against silence, also a message that asks nothing of the network."""
    with ctx.lifespan_context.not_silent():
        return await call_next(ctx)


def _hiding_faults(handler: Handler[ParamsT, ResultT]) -> Handler[ParamsT, ResultT]:
    """Hide the message of a fault of our side from the client: the SDK would quote it.

    A request was validated before, so a ValidationError in a handler is a fault of our side.
    """

    @wraps(handler)
    async def guarded(context: Context, params: ParamsT) -> ResultT:
        try:
            return await handler(context, params)
        except MCPError:
            raise
        except Exception:
            logger.exception("%s failed", context.method)
            raise MCPError(code=INTERNAL_ERROR, message="the server failed") from None

    return guarded


def _instructions(task: Task) -> str:
    return (
        "A simulated 6G network, of your own, that you operate through tools until it does what the operator "
        f"wants. The operator's intent: {task.intent}\n\nEvery call takes "
        f"{task.scenario.decision_interval_ms} ms of network time, also one that only looks, and you have "
        f"{task.max_steps} calls. End with {FINISH}. The prompt {_PROMPT.name} puts the task in full; the "
        f"resource {_STATE} holds the service level and the names to use in calls."
    )


# ---------------------------------------------------------------------- tools
@cache
def tool_list() -> tuple[Tool, ...]:
    """The tools of the catalog in its order, then the tool that ends the task."""
    catalog = (
        Tool(
            name=spec["name"],
            description=spec["description"],
            input_schema=spec["input_schema"],
            output_schema=spec["output_schema"],
            annotations=ANNOTATIONS[Effect(spec["effect"])],
            _meta={"sixgym/effect": spec["effect"]},
        )
        for spec in json_specs()
    )
    finish = Tool(
        name=FINISH,
        title="Session control: end the task",
        description=_FINISH_DESCRIPTION,
        input_schema=self_contained(_FinishArguments.model_json_schema()),
        annotations=ToolAnnotations(
            read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False
        ),
        _meta={"sixgym/effect": "session"},
    )
    return (*catalog, finish)


async def _list_tools(_: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
    return ListToolsResult(tools=list(tool_list()))


async def _call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
    client, arguments = context.lifespan_context, params.arguments or {}
    _introduce(context)
    try:
        if params.name == FINISH:
            return await _finish(client, arguments, _report_to(context))
        observation = await client.do(
            lambda: client.session.call(params.name, arguments), _report_to(context)
        )
    except SessionOverError as error:
        return _refused(str(error))
    outcome = observation.history[-1].outcome
    return CallToolResult(
        content=[TextContent(text=feedback(observation.history[-1], observation.steps_left))],
        structured_content=outcome.result if outcome.ok else None,
        is_error=not outcome.ok,
    )


async def _finish(client: ServedClient, arguments: dict[str, Any], report: Report) -> CallToolResult:
    try:
        answer = _FinishArguments.model_validate(arguments).answer
    except ValidationError as error:
        return _refused(f"{FINISH}: {explain(error)}")
    await client.do(lambda: client.session.finish(answer), report)
    return CallToolResult(
        content=[TextContent(text="Recorded. The task is over; no further call is carried out.")]
    )


def _refused(reason: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=json.dumps({"error": reason}))], is_error=True)


def _introduce(context: Context) -> None:
    """Record the name of the client, limited to characters of a file name."""
    client = context.session.client_params
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", client.client_info.name[:40]) if client else ""
    context.lifespan_context.session.introduce(f"mcp-{name}" if name else "mcp")


def _report_to(context: Context) -> Report:
    """A report of progress, which the SDK sends if the client asked for it."""
    sent = 0.0

    async def report(progress: SessionProgress) -> None:
        nonlocal sent
        # MCP wants a growing number; a start has no intervals to count, so the number of reports stands in
        sent = max(sent + 1, progress.done)
        total = progress.total if progress.total >= sent else None
        await context.session.report_progress(sent, total, progress.doing)

    return report


# ---------------------------------------------------------------------- resources and prompts
async def _list_resources(_: Context, __: PaginatedRequestParams | None) -> ListResourcesResult:
    return ListResourcesResult(resources=_RESOURCES)


async def _read_resource(
    context: Context, params: ReadResourceRequestParams, task: Task
) -> ReadResourceResult:
    if params.uri == _INTENT:
        text, kind = task.intent, _TEXT
    elif params.uri == _NETWORK:
        text, kind = json.dumps(known_scenario(task)), _JSON
    elif params.uri == _STATE:
        text, kind = _state(await _observe(context)), _JSON
    else:
        known = ", ".join(resource.uri for resource in _RESOURCES)
        raise MCPError(code=INVALID_PARAMS, message=f"no resource {params.uri[:200]!r}; there are {known}")
    return ReadResourceResult(contents=[TextResourceContents(uri=params.uri, mime_type=kind, text=text)])


def known_scenario(task: Task) -> dict[str, Any]:
    """The facts that an operator knows about the network of a task before any call."""
    return task.scenario.model_dump(mode="json", include=_SCENARIO)


def _state(observation: Observation) -> str:
    return json.dumps(
        {
            "service": observation.service,
            "service_level": observation.sla.model_dump(mode="json", exclude_none=True),
            "uavs": observation.uavs,
            "cells": observation.cells,
            "compute_nodes": observation.nodes,
            "state": observation.state.model_dump(mode="json"),
            "calls_left": observation.steps_left,
        }
    )


async def _observe(context: Context) -> Observation:
    client = context.lifespan_context
    _introduce(context)
    try:
        return await client.do(client.session.observe, _report_to(context))
    except SessionOverError as error:
        raise MCPError(code=INVALID_PARAMS, message=str(error)) from None


async def _list_prompts(_: Context, __: PaginatedRequestParams | None) -> ListPromptsResult:
    return ListPromptsResult(prompts=[_PROMPT])


async def _get_prompt(context: Context, params: GetPromptRequestParams) -> GetPromptResult:
    if params.name != _PROMPT.name:
        raise MCPError(
            code=INVALID_PARAMS, message=f"no prompt {params.name[:80]!r}; there is {_PROMPT.name}"
        )
    system, task = opening(await _observe(context), "native")
    ending = f"Give your final answer by calling {FINISH}."
    return GetPromptResult(
        description=_PROMPT.description,
        messages=[
            PromptMessage(role="user", content=TextContent(text=text))
            for text in (f"{system.content}\n{ending}", task.content)
        ],
    )
