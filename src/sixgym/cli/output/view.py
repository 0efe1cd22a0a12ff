"""The view of an episode, while it runs or after it was stored.

A terminal shows colours, panels and a status line; other streams get the same words as plain lines.
"""

import statistics
from collections.abc import Iterable
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sixgym.cli.output import text as words
from sixgym.cli.output.goals import answer_words, condition_words, duty_words
from sixgym.cli.output.plot import timelines
from sixgym.domain.intent import Goal
from sixgym.domain.measurement import Interval
from sixgym.domain.slices import NetworkState, SlaSpec
from sixgym.episodes.episode import BackendInfo, Episode, Step, Task
from sixgym.scoring.goals import TargetVerdict, Verdict
from sixgym.tools.base import CATALOG

EFFECT_STYLES = {"reasoning": "blue", "observation": "cyan", "command": "yellow", "configuration": "magenta"}
PLAIN_WIDTH = 160
STEADY_SHARE = 0.05
"""Largest relative change of a value that counts as unchanged."""


def open_console(stream: TextIO) -> Console:
    """A console on a stream; a wide one if the stream is no terminal, so that lines stay whole."""
    console = Console(file=stream)
    return console if console.is_terminal else Console(file=stream, width=PLAIN_WIDTH)


class EpisodeView:
    """Shows an episode as it happens. The context manager clears the status line at the end.

    Args:
        console: Where to show the episode.
        task: The task.
        faults: Kinds of faults that are active already; the view does not announce them as new.
    """

    def __init__(self, console: Console, task: Task, faults: Iterable[str] = ()) -> None:
        self._console = console
        self._task = task
        self._end_s = task.horizon * task.scenario.decision_interval_ms / 1e3
        self._faults = self._known_faults = frozenset(faults)
        self._status = console.status("starting the network (the first time, it is compiled)")
        self._ran_out_from_ms: int | None = None

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    # ------------------------------------------------------------------ while it runs
    def header(self, agent: str, backend: BackendInfo) -> None:
        """Show the task, the agent and the network."""
        task = self._task
        faults = ", ".join(fault.kind for fault in task.scenario.faults) or "none"
        rows = [
            ("intent", words.clean(task.intent)),
            ("service level", words.sla_words(task.sla)),
            ("judged by", "; ".join(_wanted(task.goal))),
            ("agent", f"{agent}, at most {task.max_steps} calls"),
            ("network", f"{backend.name} {backend.version}, {task.scenario.name}, seed {task.seed}"),
            ("faults to come", f"{faults} (the agent is not told)"),
        ]
        lines = (beside(self._console, f"{name:<16}", Text(value)) for name, value in rows)
        self._panel(task.id, Group(*lines), "bold")

    def step(self, step: Step) -> None:
        """Show a call and its consequences."""
        call = step.turn.call
        assert call is not None
        known = CATALOG.get(call.tool)
        effect = known.effect.value if known else "unknown tool"
        if step.turn.unreadable is not None:
            effect = "unreadable"
        line = Text.assemble(
            (words.clean(call.tool, 60), "bold"),
            "  ",
            (effect, EFFECT_STYLES.get(effect, "red")),
            "  ",
            (words.call_words(call, 200), ""),
            (f"  [{step.interval.start_ms / 1e3:g}–{step.interval.end_ms / 1e3:g} s]", "dim"),
        )
        self._say(f"{step.index + 1:>3}  ", line)
        if step.turn.thought:
            self._say("     why     ", Text(words.clean(step.turn.thought, 400), "italic"))
        self._say_faults(step.interval)
        self._say("     state   ", state_line(step.before, step.after, self._task.sla))
        if step.outcome.ok:
            self._say("     result  ", Text(words.compact(step.outcome.result, 240), "dim"))
        else:
            self._say("     error   ", Text(words.clean(step.outcome.error or "", 400), "red"))
        self._progress(step.interval, f"call {step.index + 1} of at most {self._task.max_steps} done")

    def interval(self, interval: Interval) -> None:
        """Show an interval after the agent's last call."""
        if self._ran_out_from_ms is None:
            self._ran_out_from_ms = interval.start_ms
            span = f"from {interval.start_ms / 1e3:g} s to {self._end_s:g} s"
            self._say("     ", Text(f"no further calls; the network runs on {span}"))
        self._say_faults(interval)
        self._progress(interval, "no further calls; the network runs on")

    def attempt(self, episode: Episode) -> None:
        """Show that an attempt failed and that the agent starts again on the same network."""
        self._faults, self._ran_out_from_ms = self._known_faults, None
        self._say("", Text("service level violated; the agent tries again", "bold red"))
        self._say("     note    ", Text(words.clean(episode.closing[-1].answer or "", 600), "italic"))

    # ------------------------------------------------------------------ the end
    def verdict(self, episode: Episode, verdict: Verdict) -> None:
        """Show the targets over time, and whether the service level was met."""
        self._status.stop()
        for line in timelines(episode, verdict, max(40, self._console.width)):
            self._say("", line)
        if episode.answer is not None:
            self._say("answer  ", Text(words.clean(episode.answer, 600), "italic"))
        if episode.usage is not None:
            self._say("tokens  ", Text(_tokens(episode), "dim"))
        if episode.infrastructure_failure is not None:
            title, style = "no verdict: it was cut short, and not by the agent", "red"
            body: list[RenderableType] = [Text(words.clean(episode.infrastructure_failure))]
        else:
            title = "service level met" if verdict.success else "service level violated"
            style = "green" if verdict.success else "red"
            goal = episode.task.goal
            needs = f"each target has to hold in {goal.share:.0%} of the last {goal.window} intervals"
            if goal.constraints:
                safe = ", ".join(condition_words(target) for target in goal.constraints)
                needs += f"; in every interval of the task: {safe}"
            rows = (*verdict.targets, *verdict.constraints)
            body = [_verdict_table(rows)] if rows else []
            body += [_verdict_line(duty.met, duty_words(duty.duty)) for duty in verdict.duties]
            if verdict.answer is not None and goal.answer is not None:
                body.append(_verdict_line(verdict.answer, answer_words(goal.answer)))
            body.append(Text(needs, "dim"))
        self._panel(title, Group(*body), f"bold {style}")

    # ------------------------------------------------------------------ inside
    def _progress(self, interval: Interval, doing: str) -> None:
        self._status.update(f"network time {interval.end_ms / 1e3:g} of {self._end_s:g} s, {doing}")

    def _say_faults(self, interval: Interval) -> None:
        active = frozenset(interval.faults)
        for kind in sorted(active - self._faults):
            what = words.strike_words(kind, self._task.scenario, interval.start_ms, interval.end_ms)
            self._say("     FAULT   ", Text(what, "bold red"))
        for kind in sorted(self._faults - active):
            self._say("     FAULT   ", Text(f"{kind} is over", "bold green"))
        self._faults = active

    def _say(self, label: str, line: Text) -> None:
        self._console.print(beside(self._console, label, line), soft_wrap=not self._console.is_terminal)

    def _panel(self, title: str, body: RenderableType, style: str) -> None:
        if self._console.is_terminal:
            self._console.print(Panel(body, title=title, title_align="left", border_style=style))
        else:
            self._console.print(Text(title), soft_wrap=True)
            self._console.print(body, soft_wrap=True, highlight=False)


def beside(console: Console, label: str, line: Text) -> RenderableType:
    """A line after its label; on a terminal the line is wrapped beside the label."""
    if not console.is_terminal or not label:
        return Text.assemble(label, line)
    grid = Table.grid()
    grid.add_column(width=len(label), no_wrap=True)
    grid.add_column()
    grid.add_row(Text(label, "dim"), line)
    return grid


def state_line(before: NetworkState, after: NetworkState, sla: SlaSpec) -> Text:
    """The state before and after a call, coloured by the service level."""
    same_slice = before.slice is after.slice
    line = Text().append(after.slice.value if same_slice else f"{before.slice} → {after.slice}", "bold")
    for metric, was, now, ok in _dimensions(before, after, sla):
        label, unit, factor = words.UNITS[metric]
        style = "dim" if ok is None else "green" if ok else "red"
        old, new = words.number(was * factor), words.number(now * factor)
        line.append(f"  {label} ")
        line.append(f"= {new} {unit}" if old == new else f"{old} {_arrow(was, now)} {new} {unit}", style)
    return line


def _dimensions(
    before: NetworkState, after: NetworkState, sla: SlaSpec
) -> Iterable[tuple[str, float, float, bool | None]]:
    """Metric, value before, value after, and whether the latter meets the service level (None: no bound)."""
    least, most = sla.min_throughput_mbps, sla.max_edge_load
    yield "latency_ms", before.latency_ms, after.latency_ms, _below(after.latency_ms, sla.max_latency_ms)
    yield "jitter_ms", before.jitter_ms, after.jitter_ms, _below(after.jitter_ms, sla.max_jitter_ms)
    yield "loss_ratio", before.loss_ratio, after.loss_ratio, _below(after.loss_ratio, sla.max_loss_ratio)
    enough = None if least is None else after.throughput_mbps >= least
    yield "throughput_mbps", before.throughput_mbps, after.throughput_mbps, enough
    yield "edge_load", before.edge_load, after.edge_load, _below(after.edge_load, most)


def _below(value: float, bound: float | None) -> bool | None:
    return None if bound is None else value <= bound


def _arrow(was: float, now: float) -> str:
    if abs(now - was) <= STEADY_SHARE * max(abs(was), abs(now)):
        return "→"
    return "↗" if now > was else "↘"


def _wanted(goal: Goal) -> Iterable[str]:
    yield from (condition_words(target) for target in goal.targets)
    yield from (duty_words(duty) for duty in goal.duties)
    if goal.answer is not None:
        yield answer_words(goal.answer)
    yield from (f"{condition_words(target)} in every interval" for target in goal.constraints)


def _verdict_line(met: bool, what: str) -> Text:
    return Text.assemble(("met", "green") if met else ("missed", "red"), f"  {what}")


def _verdict_table(targets: tuple[TargetVerdict, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "target", "held", "min", "median", "max"):
        table.add_column(name, justify="left" if name in ("", "target") else "right")
    for target in targets:
        metric, values = target.target.metric, target.measured
        figures = (min(values), statistics.median(values), max(values))
        table.add_row(
            Text("met", "green") if target.met else Text("missed", "red"),
            condition_words(target.target),
            f"{target.held:.0%}",
            *(words.quantity(metric, value) for value in figures),
        )
    return table


def _tokens(episode: Episode) -> str:
    assert episode.usage is not None
    attempts = f" in {len(episode.earlier) + 1} attempts" if episode.earlier else ""
    return f"{episode.usage.prompt_tokens} read, {episode.usage.completion_tokens} written{attempts}"
