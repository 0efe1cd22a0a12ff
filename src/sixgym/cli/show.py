"""`sixgym show`: a stored episode, judged again from what it recorded."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sixgym.cli.errors import WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.output import text as words
from sixgym.cli.output.view import EpisodeView, open_console
from sixgym.domain.measurement import PacketFlow
from sixgym.episodes.episode import Episode, Step
from sixgym.episodes.jsonl import RecordFileError
from sixgym.episodes.store import read_episodes
from sixgym.scoring.goals import judge

LONGEST_MESSAGE = 4_000
"""Largest number of characters shown of a message; the file has the whole message."""


def show(
    episode: Annotated[Path, typer.Argument(metavar="EPISODE", help="A stored episode, .jsonl or .parquet.")],
    step: Annotated[int | None, typer.Option(metavar="N", help="The N-th call in full.")] = None,
    episode_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Which episode, if the file holds several.")
    ] = None,
) -> None:
    """Show a stored episode and judge it again from what it recorded.

    - `sixgym show runs/EPISODE.jsonl`
    - `sixgym show runs/EPISODE.parquet --step 4`
    """
    with wrong_use_on(RecordFileError):
        episodes = list(read_episodes(episode))
    if not episodes:
        raise CommandError(f"{episode}: holds no finished episode", WRONG_USE)
    console = open_console(sys.stdout)
    if len(episodes) > 1 and episode_id is None:
        if step is not None:
            raise CommandError(f"{episode} holds {len(episodes)} episodes; add --id to choose one", WRONG_USE)
        _list(console, episodes)
        return
    chosen = choose(episode, episodes, episode_id)
    if step is None:
        _replay(console, chosen)
    else:
        _step(console, chosen, step)


def choose(path: Path, episodes: list[Episode], episode_id: str | None) -> Episode:
    """The episode of that id, or the first episode.

    Raises:
        CommandError: there is no such episode.
    """
    for episode in episodes:
        if episode_id in (None, episode.id):
            return episode
    known = ", ".join(episode.id for episode in episodes[:5]) or "none"
    raise CommandError(f"{path}: holds no episode {episode_id}; it holds {known}", WRONG_USE)


def _list(console: Console, episodes: list[Episode]) -> None:
    table = Table(box=None, header_style="dim")
    for name in ("id", "task", "agent", "network", "seed", "calls", "verdict"):
        table.add_column(name, overflow="fold")
    for episode in episodes:
        failed = episode.infrastructure_failure is not None
        verdict = "none" if failed else "met" if judge(episode).success else "violated"
        numbers = (str(episode.task.seed), str(len(episode.steps)))
        texts = (episode.id, episode.task.id, episode.agent, episode.backend.name, *numbers, verdict)
        table.add_row(*(Text(words.clean(text)) for text in texts))
    console.print(table)
    console.print("sixgym show FILE --id ID shows one of them", style="dim", highlight=False)


def _replay(console: Console, episode: Episode) -> None:
    view = EpisodeView(console, episode.task)
    view.header(episode.agent, episode.backend)
    for attempt in (*episode.earlier, episode):
        for step in attempt.steps:
            view.step(step)
        for interval in attempt.remainder:
            view.interval(interval)
        if attempt is not episode:
            view.attempt(attempt)
    view.verdict(episode, judge(episode))


def _step(console: Console, episode: Episode, number: int) -> None:
    """Print everything recorded about a call; the first call is number 1, as in the view."""
    if not 1 <= number <= len(episode.steps):
        raise CommandError(f"--step {number}: the episode has steps 1 to {len(episode.steps)}", WRONG_USE)
    step = episode.steps[number - 1]
    before = episode.steps[number - 2].interval.faults if number > 1 else ()
    EpisodeView(console, episode.task, before).step(step)
    call = step.turn.call
    assert call is not None
    for title, value in (("arguments", call.arguments), ("result", step.outcome.result)):
        _print(console, Text(title, "bold"))
        _print(console, Text(json.dumps(value, indent=2)))
    for message in step.turn.messages:
        _print(console, Text(message.role, "bold"))
        _print(console, Text(words.clean(message.content, LONGEST_MESSAGE)))
        for written in message.calls:
            _print(console, Text(words.clean(f"{written.tool} {written.arguments}", LONGEST_MESSAGE)))
    _measured(console, step)
    took = f"thinking took {step.agent_s:.3f} s, the network {step.world_s:.3f} s of wall-clock time"
    _print(console, Text(took, "dim"))


def _measured(console: Console, step: Step) -> None:
    """Print what was measured in the interval that the call took."""
    table = Table(box=None, header_style="dim")
    for name in ("measured", "delay", "p95", "jitter", "loss", "throughput", "PRBs used/granted", "queue"):
        table.add_column(name, justify="left" if name == "measured" else "right")
    interval = step.interval
    for kind, slice_ in interval.slices.items():
        prbs = f"{slice_.prbs_used:.1f}/{slice_.prbs_granted:.1f}"
        table.add_row(f"slice {kind}", *_flow(slice_.flow), prbs, f"{slice_.queue_bytes} B")
    for name, flow in interval.groups.items():
        table.add_row(f"group {name}", *_flow(flow), "", "")
    for name, device in interval.devices.items():
        table.add_row(f"{name} at {device.cell}", *_flow(device.flow), "", f"{device.queue_bytes} B")
    console.print(table)
    _print(console, Text(f"active faults: {', '.join(interval.faults) or 'none'}"))
    for name, node in interval.nodes.items():
        _print(console, Text(f"node {name}: {words.compact(asdict(node), 100)}"))
    for name, cell in interval.cells.items():
        _print(console, Text(f"cell {name}: {words.compact(asdict(cell), 160)}"))


def _print(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=True)


def _flow(flow: PacketFlow) -> tuple[str, ...]:
    return (
        words.quantity("latency_ms", flow.latency_ms),
        words.quantity("latency_p95_ms", flow.latency_p95_ms),
        words.quantity("jitter_ms", flow.jitter_ms),
        words.quantity("loss_ratio", flow.loss_ratio),
        words.quantity("throughput_mbps", flow.throughput_mbps),
    )
