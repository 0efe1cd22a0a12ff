"""The network as a verifiers environment: a task set, and the harness that plays it.

The harness runs in the process of the evaluation or the trainer and starts no programs: the loop is that of
`sixgym run`, and every reply is asked of the endpoint that verifiers puts before the model. So verifiers
sees each request as it was sent, and knows the model's tokens from those that were written for it.
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
"""What verifiers calls it. It imports a plugin by a name without dots, hence the package beside `sixgym`."""


class NetworkTasksetConfig(vf.TasksetConfig):
    """Which tasks: the frozen benchmark to evaluate on, a set of `sixgym bench make` to train on."""

    tasks: Path | None = None
    """Manifest of another set than the frozen one."""
    tier: str | None = None
    domain: str | None = None
    limit: int | None = None
    """Only so many, see `sixgym bench --limit`."""


class NetworkTaskData(vf.TaskData):
    """A task by name; its network and its goal stay in the set.

    Attributes:
        tasks: Manifest of the set, see `NetworkTasksetConfig`.
    """

    tasks: Path | None = None


Trace = vf.Trace[Any, vf.State, vf.AgentConfig]

RESULT = "sixgym"
"""Where the info of a trace has the grade, as JSON values."""


class NetworkTask(vf.Task[NetworkTaskData, vf.State, vf.TaskConfig]):
    """A task of a set, graded when its network has run out."""

    @property
    def key(self) -> str:
        """Id of the task, which is unique in its set."""
        return str(self.data.id)

    @override
    async def finalize(self, trace: Trace, runtime: vf.Runtime) -> None:
        """Make sure that there is a grade.

        Raises:
            RuntimeError: another harness has worked on it, without a network.
        """
        if RESULT not in trace.info:
            raise RuntimeError(f"nobody operated the network of this task: its harness has to be {PLUGIN}")

    @vf.reward
    async def success(self, trace: Trace) -> float:
        """1 if the intent was fulfilled, else 0."""
        return _scores(trace)["success"]

    @vf.metric
    async def work(self, trace: Trace) -> dict[str, float]:
        """Calls, those of them that were refused, and safety violations."""
        numbers = _scores(trace)
        return {name: numbers[name] for name in ("calls", "refused", "violations")}


def _scores(trace: Trace) -> dict[str, float]:
    return scores(Result.model_validate(trace.info[RESULT]))


class NetworkTaskset(vf.Taskset[NetworkTask, NetworkTasksetConfig]):
    """Tasks of a set, in its order."""

    def load(self) -> Iterator[NetworkTask]:
        """Yield the tasks that were asked for.

        Raises:
            TaskSetError: there is no such set.
            SelectionError: it has no such tasks.
        """
        config = self.config
        selection = Selection(tier=config.tier, domain=config.domain, limit=config.limit)
        for chosen in select(tuple(tasks_by_id(config.tasks).values()), selection):
            name = chosen.task.id
            data = {"id": name, "name": name, "prompt": chosen.task.intent, "tasks": config.tasks}
            yield NetworkTask(NetworkTaskData.model_validate(data), config.task)


class NetworkHarnessConfig(vf.HarnessConfig):
    """How tasks are played."""

    network: str = Field(default="tti", description="on which network")
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

        A limit or a deadline ends the model's work; what it has done by then is graded.

        Raises:
            BrokenEpisodeError: our side broke, so there is no grade.
            TypeError: it is a task of another task set.
        """
        if not isinstance(data, NetworkTaskData):
            raise TypeError(f"{PLUGIN} plays tasks of its own task set alone, not {type(data).__name__}")
        task = load_task(str(data.id), data.tasks)

        def keep(episode: Episode) -> None:
            trace.info[RESULT] = result_of(task, episode).model_dump(mode="json")

        headers = {"Authorization": f"Bearer {secret}"}
        # how long a reply may take is the business of whoever set up the evaluation
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
    """One agent, and no sandbox: nothing a model writes is executed."""

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
        tier, domain, limit: Which of its tasks.
        network: On which network.
        style: How the model calls tools.
    """
    taskset = {"id": PLUGIN, "tasks": tasks, "tier": tier, "domain": domain, "limit": limit}
    agent = {"harness": {"id": PLUGIN, "network": network, "style": style}}
    return NetworkEnv(NetworkEnvConfig.model_validate({"taskset": taskset, "agent": agent}))


__all__ = ["NetworkEnv", "NetworkHarness", "NetworkTaskset"]
