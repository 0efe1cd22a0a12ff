"""How good the experiment model's fluid calculation is by itself; writes results/experiment-model-fluid.md.

    sixgym traces --out traces/held-out --unpack results/data/traces-held-out.jsonl.xz
    python perf/fluid.py --traces traces/held-out

The books go through recorded episodes and take what was measured, as before a single step of the model. Of
every group on the ground and every UAV, the share of its packets that is expected to arrive in the interval
ahead is put beside the share that did, where it is in trouble: where less or more than usual arrived in that
interval or in the one before. Groups that send in bursts are left out, for what they send is chance.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sixgym.data.traces.folder import TracesFolder
from sixgym.domain.measurement import Interval, PacketFlow
from sixgym.domain.network import Group
from sixgym.domain.traffic import OnOff
from sixgym.episodes.episode import Episode
from sixgym.evaluate.markdown import table
from sixgym.evaluate.statistics import mean_over_seeds
from sixgym.run.replay import measured_intervals, recorded_changes
from sixgym.simulators.experiment_model.loading import source_digest
from sixgym.simulators.experiment_model.state.tracker import NetworkTracker

RESULTS = Path(__file__).parents[1] / "results"
PAGE = "experiment-model-fluid"
USUAL = (0.95, 1.05)
MOST = 3.0
"""Shares are cut there: one packet more is much of few."""

CLOSE = 0.1


@dataclass(frozen=True, slots=True)
class Expectation:
    """One group or UAV in one interval.

    Attributes:
        place: Topology seed.
        flies, changed: A UAV, and whether a call or a fault has changed the network before the interval.
        carried_on: Share of its packets that arrived in the interval before.
        expected, arrived: In this one.
    """

    place: int
    flies: bool
    changed: bool
    carried_on: float
    expected: float
    arrived: float


def expectations(episode: Episode) -> Iterator[Expectation]:
    """Those in trouble, in an episode."""
    scenario = episode.task.scenario
    tracker = NetworkTracker(scenario)
    for changes, interval in zip(recorded_changes(episode), measured_intervals(episode), strict=True):
        for change in changes:
            tracker.apply(change)
        context = tracker.begin_interval(scenario.decision_interval_ms)
        for group in scenario.groups:
            if not tracker.history or isinstance(group.traffic, OnOff):
                continue
            flows, last = _flows(group, interval), _flows(group, tracker.history[-1])
            for names, flow in flows.items():
                if not flow.sent_packets or not last[names].sent_packets:
                    continue
                before, now = _arrived(last[names]), _arrived(flow)
                if all(USUAL[0] <= share <= USUAL[1] for share in (before, now)):
                    continue
                yield Expectation(
                    place=scenario.topology_seed or 0,
                    flies=group.airframe is not None,
                    changed=context.changed,
                    carried_on=min(before, MOST),
                    expected=min(float(np.mean([context.expected[name].arrives for name in names])), MOST),
                    arrived=min(now, MOST),
                )
        tracker.end_interval(context, interval)


def _flows(group: Group, interval: Interval) -> dict[tuple[str, ...], PacketFlow]:
    """By the devices that were measured together."""
    if group.airframe is None:
        return {group.device_ids: interval.groups[group.name]}
    return {(name,): interval.devices[name].flow for name in group.device_ids}


def _arrived(flow: PacketFlow) -> float:
    return flow.delivered_packets / flow.sent_packets


def page(found: list[Expectation], folder: Path) -> str:
    """The page in Markdown."""
    places = sorted({one.place for one in found})
    header = ["", "in trouble", "mean error", "of carrying on", f"within {CLOSE}", "correlation"]
    body: list[list[str]] = []
    for flies, who in ((False, "groups on the ground"), (True, "UAVs")):
        for changed, when in ((False, "nothing has changed"), (True, "after a call or a fault")):
            some = [one for one in found if one.flies is flies and one.changed is changed]
            body.append([f"{who}, {when}", str(len(some)), *_figures(some, places)])
    return "\n".join(
        [
            "# What the fluid calculation is worth",
            "",
            "What the experiment model is told to expect, beside what ns-3 did: the share of the packets "
            "sent to a group or a UAV in an interval that arrives in it (up to 3, of a queue that is worked "
            "off), one interval ahead, the books fed with measurements until then. Only where there is "
            "trouble: where less than 95 % or more than 105 % arrived in that interval or in the one before. "
            "What arrived is a share of what was sent, what was expected one of what is sent on average; "
            "groups that send in bursts are left out. Carrying on: expecting what arrived last. Brackets: "
            "95 % intervals, from a bootstrap over topology seeds.",
            "",
            f"{len(places)} topology seeds, {places[0]} to {places[-1]}, that nothing was fitted to, "
            f"with the replicates of their explorations; code {source_digest()}. "
            f"Made by `python perf/fluid.py --traces {folder}`.",
            "",
            *table(header, body),
            "",
        ]
    )


def _figures(some: list[Expectation], places: list[int]) -> Iterator[str]:
    expected, arrived, before = (
        np.array([getattr(one, name) for one in some]) for name in ("expected", "arrived", "carried_on")
    )
    for values in (
        np.abs(expected - arrived),
        np.abs(before - arrived),
        (np.abs(expected - arrived) < CLOSE).astype(float),
    ):
        mean = mean_over_seeds(_by_place(values, some, places))
        assert mean is not None  # there is trouble somewhere
        yield f"{mean.value:.3f} ({mean.low:.3f} to {mean.high:.3f})"
    yield f"{np.corrcoef(expected, arrived)[0, 1]:.2f}"


def _by_place(
    values: npt.NDArray[np.float64], some: list[Expectation], places: list[int]
) -> npt.NDArray[np.float64]:
    """Shape (places, most of a place), the rest NaN."""
    of = [values[[one.place == place for one in some]] for place in places]
    found = np.full((len(places), max(len(one) for one in of)), np.nan)
    for row, one in enumerate(of):
        found[row, : len(one)] = one
    return found


def main() -> None:
    """Go through the traces and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--traces", type=Path, required=True, help="folder that `sixgym traces` has written")
    options = parser.parse_args()
    found = [one for episode in TracesFolder(options.traces).episodes() for one in expectations(episode)]
    (RESULTS / f"{PAGE}.md").write_text(page(found, options.traces), encoding="utf-8")


if __name__ == "__main__":
    main()
