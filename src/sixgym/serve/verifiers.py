"""The network as a verifiers environment: a task set, and the harness that plays it.

The harness runs in the process of the evaluation or the trainer and starts no programs. The loop is that of
`sixgym run`; every reply comes from the endpoint that verifiers puts before the model. So verifiers sees
every request as it was sent, and tells the tokens of the model from all other tokens.
"""

# pyright: reportMissingTypeStubs=false

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import verifiers.v1 as vf
from pydantic import Field
from typing_extensions import override

from sixgym.agents.llm.prompt import CallStyle
from sixgym.episodes.episode import Episode
from sixgym.episodes.messages import Message
from sixgym.models.chat import Completion
from sixgym.scoring.result import Result
from sixgym.serve.harness import Player, WireTalk, play, result_of, scores
from sixgym.tasks.frozen import load_task, tasks_by_id
from sixgym.tasks.selection import Selection, select

PLUGIN = "sixgym-verifiers"
"""Name of the plugin, without dots as verifiers needs it, hence the package beside `sixgym`."""


class NetworkTasksetConfig(vf.TasksetConfig):
    """The tasks: the frozen benchmark for evaluation, or a set of `sixgym bench make` for training."""

    tasks: Path | None = None
    """Manifest of another set than the frozen set."""
    tier: str | None = None
    domain: str | None = None
    limit: int | None = None
    """Number of tasks, see `sixgym bench --limit`."""


class NetworkTaskData(vf.TaskData):
    """A task by its id. Its network and its goal stay in the set.

    Attributes:
        tasks: Manifest of the set, see `NetworkTasksetConfig`.
    """

    tasks: Path | None = None


Trace = vf.Trace[Any, vf.State, vf.AgentConfig]

RESULT = "sixgym"
"""Key of the grade, as JSON values, in the info of a trace."""


class NetworkTask(vf.Task[NetworkTaskData, vf.State, vf.TaskConfig]):
    """A task of a set, graded when its network has run out."""

    @property
    def key(self) -> str:
        """Id of the task, which is unique in its set."""
        return str(self.data.id)

    @override
    async def finalize(self, trace: Trace, runtime: vf.Runtime) -> None:
        """Check that the trace has a grade.

        Raises:
            RuntimeError: another harness worked on the task, without a network.
        """
        if RESULT not in trace.info:
            raise RuntimeError(f"the trace has no grade: use {PLUGIN} as the harness of this task")

    @vf.reward
    async def success(self, trace: Trace) -> float:
        """1 if the intent was fulfilled, else 0."""
        return _scores(trace)["success"]

    @vf.metric
    async def work(self, trace: Trace) -> dict[str, float]:
        """Numbers of calls, of refused calls, and of safety violations."""
        numbers = _scores(trace)
        return {name: numbers[name] for name in ("calls", "refused", "violations")}


def _scores(trace: Trace) -> dict[str, float]:
    return scores(Result.model_validate(trace.info[RESULT]))


class NetworkTaskset(vf.Taskset[NetworkTask, NetworkTasksetConfig]):
    """Tasks of a set, in its order."""

    def load(self) -> Iterator[NetworkTask]:
        """The selected tasks.

        Raises:
            TaskSetError: there is no such set.
            SelectionError: the set has no such tasks.
        """
        config = self.config
        selection = Selection(tier=config.tier, domain=config.domain, limit=config.limit)
        for chosen in select(tuple(tasks_by_id(config.tasks).values()), selection):
            name = chosen.task.id
            data = {"id": name, "name": name, "prompt": chosen.task.intent, "tasks": config.tasks}
            yield NetworkTask(NetworkTaskData.model_validate(data), config.task)


class NetworkHarnessConfig(vf.HarnessConfig):
    """How tasks are played."""

    network: str = Field(default="tti", description="name of the network")
    style: CallStyle = Field(default="native", description="how the model calls tools")


class NetworkHarness(vf.Harness[NetworkHarnessConfig]):
    """Plays a task in this process, each rollout on a network of its own."""

    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    @override
    async def launch(
        self,
        ctx: vf.ModelContext,
        trace: Trace,
        runtime: vf.Runtime,
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],
        data: vf.TaskData,
        tool_interception_url: str | None = None,
    ) -> vf.ProgramResult:
        """Work on the task until the model answers or its calls are spent.

        A limit or a deadline ends the work of the model, and the episode is graded as it is.

        Raises:
            BrokenEpisodeError: the episode broke on our side, so it has no grade.
            TypeError: the task belongs to another task set.
        """
        if not isinstance(data, NetworkTaskData):
            raise TypeError(f"{PLUGIN} plays only tasks of its own task set, not {type(data).__name__}")
        task = load_task(str(data.id), data.tasks)

        def keep(episode: Episode) -> None:
            trace.info[RESULT] = result_of(task, episode).model_dump(mode="json")

        headers = {"Authorization": f"Bearer {secret}"}
        # the evaluation itself limits the time of a reply
        async with httpx.AsyncClient(
            base_url=endpoint, headers=headers, timeout=None, trust_env=False
        ) as client:
            talk = WireTalk(ctx.model, self.config.style)

            async def ask(messages: Sequence[Message]) -> Completion:
                response = await client.post("chat/completions", json=talk.request(messages))
                response.raise_for_status()
                return talk.reply(response.content)

            # the endpoint refuses a request once a limit of verifiers is reached
            player = Player(ctx.model, ask, lambda _: trace.stop_condition is not None, self.config.style)
            try:
                await play(task, self.config.network, player, keep)
            except httpx.HTTPStatusError:
                if trace.stop_condition is None:
                    raise
        return vf.ProgramResult(exit_code=0, stdout="", stderr="")


class NetworkEnvConfig(vf.EnvConfig):
    """One agent and no sandbox: no output of the model is executed."""

    # a copy is not validated, which would import the plugin while it is being imported
    agent: vf.AgentConfig = vf.AgentConfig(runtime=vf.SubprocessConfig()).model_copy(
        update={"harness": NetworkHarnessConfig.model_validate({"id": PLUGIN})}
    )


class NetworkEnv(vf.Env[NetworkEnvConfig]):
    """One agent at work on one task."""

    async def run(self, task: vf.Task[Any, vf.State, vf.TaskConfig], agents: vf.Agents) -> None:
        """Let the agent work."""
        await agents.agent.run(task)  # pyright: ignore[reportUnknownMemberType]  # open in verifiers itself


def load_environment(
    tasks: Path | None = None,
    *,
    tier: str | None = None,
    domain: str | None = None,
    limit: int | None = None,
    network: str = "tti",
    style: CallStyle = "native",
) -> NetworkEnv:
    """The environment for programs; `vf-eval sixgym-verifiers` makes the same one.

    Args:
        tasks: Manifest of a set to train on; the frozen benchmark by default.
        tier, domain, limit: Selection of its tasks.
        network: Name of the network.
        style: How the model calls tools.
    """
    taskset = {"id": PLUGIN, "tasks": tasks, "tier": tier, "domain": domain, "limit": limit}
    agent = {"harness": {"id": PLUGIN, "network": network, "style": style}}
    return NetworkEnv(NetworkEnvConfig.model_validate({"taskset": taskset, "agent": agent}))


__all__ = ["NetworkEnv", "NetworkHarness", "NetworkTaskset"]
