"""`sixgym explain`: reasons for what the network did in a stored episode, written by the experiment model."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.options import AsJson
from sixgym.cli.output import text as words
from sixgym.cli.output.view import open_console
from sixgym.cli.show import choose
from sixgym.domain.slices import NetworkState
from sixgym.episodes.episode import Episode
from sixgym.episodes.jsonl import RecordFileError
from sixgym.episodes.store import read_episodes
from sixgym.run.replay import ReplayError
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.experiment_model.encode.explanations import STATE, explanation_words
from sixgym.simulators.experiment_model.loading import SHIPPED, load_engine, read_card
from sixgym.train.experiment_model.examples import Moment, moments


@dataclass(frozen=True, slots=True)
class Explanation:
    """The model's explanation of a step.

    Attributes:
        step: Number of the step, from 1.
        tool: Tool of the call.
        reasons: Reasons, in the model's words.
        predictions: Predicted figures of the state after the call, by name.
        measured: Measured figures of that state, by name.
    """

    step: int
    tool: str
    reasons: str
    predictions: dict[str, float]
    measured: dict[str, float]


def explain(
    episode: Annotated[Path, typer.Argument(metavar="EPISODE", help="A stored episode, .jsonl or .parquet.")],
    *,
    step: Annotated[int | None, typer.Option(metavar="N", help="Explain the N-th call only.")] = None,
    episode_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Which episode, if the file holds several.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A checkpoint of your own  (the shipped checkpoint).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain in words how the network reacted to each call of a stored episode.

    The experiment model writes the words. It reads the state before the call, the call, and the changes
    that the episode records, and writes the reasons first and the predicted state second. Needs the extra
    hf.

    - `sixgym explain runs/EPISODE.jsonl --step 4`
    """
    folder = SHIPPED if model is None else model
    with wrong_use_on(RecordFileError, SimulatorError):
        chosen = choose(episode, list(read_episodes(episode)), episode_id)
        interval_ms = read_card(folder).interval_ms
    own_ms = chosen.task.scenario.decision_interval_ms
    if own_ms != interval_ms:
        raise CommandError(
            f"{chosen.id} has intervals of {own_ms} ms, and the model was trained on intervals of "
            f"{interval_ms} ms",
            WRONG_USE,
        )
    if not chosen.steps:
        raise CommandError(f"{chosen.id} has no calls to explain", WRONG_USE)
    if step is not None and not 1 <= step <= len(chosen.steps):
        raise CommandError(f"--step {step}: {chosen.id} has calls 1 to {len(chosen.steps)}", WRONG_USE)
    try:
        explanations = _explanations(chosen, folder, step)
    except (ReplayError, SimulatorError) as error:
        raise CommandError(str(error), WORK_FAILED) from None
    if as_json:
        typer.echo(json.dumps([_plain(one) for one in explanations]))
        return
    console = open_console(sys.stdout)
    for one in explanations:
        console.print(f"{one.step:>3}  {words.clean(one.tool)}", highlight=False, markup=False, style="bold")
        console.print(f"     {words.clean(one.reasons)}", highlight=False, markup=False, soft_wrap=True)
        figures = "  ".join(
            f"{name} {one.predictions[name]:g} ({one.measured[name]:.3g})" for name in one.measured
        )
        console.print(f"     {figures}", highlight=False, markup=False, style="dim", soft_wrap=True)
    console.print("predictions (measured), of the state after the call", style="dim", highlight=False)


def _explanations(episode: Episode, folder: Path, step: int | None) -> list[Explanation]:
    engine = load_engine(folder)
    found: list[Explanation] = []
    for number, moment in enumerate(moments(episode)):
        if moment.step is None or (step is not None and number != step):
            continue
        reasons, answer = engine.explanation(_words(moment))
        predictions = {figure.name: figure.values[answer[figure.name]] for figure in STATE}
        measured = _figures(moment.step.after)
        found.append(Explanation(number, _tool(moment), reasons, predictions, measured))
    return found


def _tool(moment: Moment) -> str:
    assert moment.step is not None  # the caller has checked
    assert moment.step.turn.call is not None  # a step is a turn that made a call
    return moment.step.turn.call.tool


def _words(moment: Moment) -> tuple[str, ...]:
    assert moment.step is not None  # the caller has checked
    return explanation_words(
        _tool(moment), ok=moment.step.outcome.ok, facts=moment.facts, before=moment.step.before
    )


def _figures(state: NetworkState) -> dict[str, float]:
    values = (state.latency_ms, state.jitter_ms, state.loss_ratio, state.throughput_mbps, state.edge_load)
    return dict(zip((figure.name for figure in STATE), values, strict=True))


def _plain(explanation: Explanation) -> dict[str, object]:
    return {
        "step": explanation.step,
        "tool": explanation.tool,
        "reasons": explanation.reasons,
        "predictions": explanation.predictions,
        "measured": explanation.measured,
    }
