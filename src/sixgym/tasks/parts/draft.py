"""A task in the making: a network with faults, a goal, the clauses of the intent, a reference solution."""

import copy
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from sixgym.domain.faults import FaultEvent
from sixgym.domain.geometry import Position
from sixgym.domain.intent import Answer, Duty, Target
from sixgym.domain.network import Group
from sixgym.domain.radio import LinkBudget, radio_map
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.episodes.episode import ToolCall
from sixgym.tasks.wording.grammar import Clause


class UnsuitableError(Exception):
    """A part does not suit the network or the rest of the draft. The message gives the reason."""


Bounds = Mapping[Target, float]
"""Bounds that suit a network, by the target with the usual bound."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a draft.

    Attributes:
        name: Name of the part in the catalogue.
        targets: Targets that the part has added to the goal.
    """

    name: str
    targets: tuple[Target, ...]


@dataclass
class Draft:
    """A task in the making.

    Attributes:
        scenario: The placed network; parts change it.
        rng: Generator for all random choices.
        reach_m: Largest distance to send a UAV to, in metres.
        home: Slice that the managed service belongs to, even if a part moves the service.
        bounds: Bounds in place of the usual ones, by the target with the usual bound.
        calls: Reference solution so far.
        answer_text: Final answer of the reference solution.
        targets, constraints, duties, answer: Parts of the goal so far.
        clauses: Clauses of the intent so far.
        parts: Parts so far.
        claimed: Subjects of parts so far, such as `slice URLLC` or `drone-2`. A subject has one part at most.
        yielding: Groups whose load the reference solution reduces.
    """

    scenario: Scenario
    rng: random.Random
    reach_m: float
    bounds: Bounds = field(default_factory=dict[Target, float])
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    answer_text: str = "Done."
    targets: list[Target] = field(default_factory=list[Target])
    constraints: list[Target] = field(default_factory=list[Target])
    duties: list[Duty] = field(default_factory=list[Duty])
    answer: Answer | None = None
    clauses: list[Clause] = field(default_factory=list[Clause])
    parts: list[Part] = field(default_factory=list[Part])
    claimed: set[str] = field(default_factory=set[str])
    yielding: set[str] = field(default_factory=set[str])

    # ------------------------------------------------------------------ parts
    def add(self, name: str, make: Callable[["Draft"], None]) -> None:
        """Add a part.

        Raises:
            UnsuitableError: the part does not suit the draft; the draft is unchanged.
        """
        before = {key: copy.copy(value) for key, value in vars(self).items() if key != "rng"}
        try:
            make(self)
        except UnsuitableError:
            vars(self).update(before)
            raise
        self.parts.append(Part(name, tuple(self.targets[len(before["targets"]) :])))

    # ------------------------------------------------------------------ subjects
    def claim(self, *subjects: str) -> None:
        """Reserve subjects for one part, all or none.

        Raises:
            UnsuitableError: a subject belongs to another part.
        """
        if self.claimed.intersection(subjects):
            raise UnsuitableError(
                f"{', '.join(sorted(self.claimed.intersection(subjects)))} belongs to another part"
            )
        self.claimed.update(subjects)

    def __post_init__(self) -> None:
        self.home = self.managed.slice

    @property
    def managed(self) -> Group:
        """The group with the managed service."""
        return self.scenario.group(self.scenario.managed)

    @property
    def fleet(self) -> Group:
        """The group of UAVs.

        Raises:
            UnsuitableError: the network has no UAVs.
        """
        for group in self.scenario.groups:
            if group.airframe is not None:
                return group
        raise UnsuitableError("the network has no UAVs")

    def free_uav(self) -> str:
        """Reserve a UAV without a part; its name."""
        free = [name for name in self.fleet.device_ids if name not in self.claimed]
        if not free:
            raise UnsuitableError("every UAV has a part already")
        uav = self.rng.choice(free)
        self.claim(uav)
        return uav

    def start_of(self, uav: str) -> Position:
        """The position of a UAV at the start of the task."""
        return self.fleet.positions[self.fleet.device_ids.index(uav)]

    def end_of(self, uav: str) -> Position:
        """The position of a UAV at the end of its route."""
        route = self.fleet.routes[self.fleet.device_ids.index(uav)] if self.fleet.routes else ()
        return route[-1] if route else self.start_of(uav)

    def links_at(self, place: Position) -> tuple[LinkBudget, ...]:
        """The link budgets at a position from all cells at full power, strongest first."""
        powers = {cell.id: cell.tx_power_dbm for cell in self.scenario.cells}
        return radio_map(self.scenario).links(place, powers, dict.fromkeys(powers, 1.0), None)

    # ------------------------------------------------------------------ contents
    def call(self, tool: str, **arguments: JsonValue) -> None:
        """Add a call to the reference solution."""
        self.calls.append(ToolCall(tool=tool, arguments=arguments))

    def say(self, kind: str, **facts: str) -> None:
        """Add a clause to the intent."""
        self.clauses.append(Clause(kind, facts))

    def inject(self, fault: FaultEvent) -> None:
        """Add a fault to the scenario."""
        self.scenario = self.scenario.model_copy(update={"faults": (*self.scenario.faults, fault)})

    def replace_group(self, name: str, **changes: object) -> None:
        """Change a group of devices."""
        groups = tuple(
            group.model_copy(update=changes) if group.name == name else group
            for group in self.scenario.groups
        )
        self.scenario = self.scenario.model_copy(update={"groups": groups})

    def set_policy(self, kind: SliceType, dedicated: int, least: int, most: int) -> None:
        """Set the initial share of PRBs of a slice, in percent."""
        policy = RrmPolicyRatio(dedicated=dedicated, min=least, max=most)
        slices = tuple(
            slice_.model_copy(update={"policy": policy}) if slice_.type is kind else slice_
            for slice_ in self.scenario.slices
        )
        self.scenario = self.scenario.model_copy(update={"slices": slices})

    def add_target(self, target: Target, relaxed: float = 1.0) -> str:
        """Add a target to the goal, with the bound that suits the network; the bound as text.

        Args:
            target: The target with the usual bound.
            relaxed: Factor on the bound that suits the network.
        """
        value = target.value
        if target in self.bounds:
            value = self.bounds[target] if relaxed == 1.0 else two_digits(relaxed * self.bounds[target])
        self.targets.append(target.model_copy(update={"value": value}))
        return f"{100 * value:g}" if target.metric == "loss_ratio" else f"{value:g}"


def below(metric: str, value: float, **of: object) -> Target:
    """A target that a metric stays below a value."""
    return _target(metric, "IS_LESS_THAN", value, of)


def above(metric: str, value: float, **of: object) -> Target:
    """A target that a metric stays above a value."""
    return _target(metric, "IS_GREATER_THAN", value, of)


def _target(
    metric: str,
    condition: Literal["IS_LESS_THAN", "IS_GREATER_THAN"],
    value: float,
    of: Mapping[str, object],
) -> Target:
    return Target.model_validate({"metric": metric, "condition": condition, "value": value, **of})


def two_digits(value: float) -> float:
    """A bound with two significant digits, as an operator would choose it."""
    return float(f"{value:.2g}")


def spoken(place: Position) -> str:
    """A position as an operator writes it, in metres."""
    return f"({place.x_m:g}, {place.y_m:g}, {place.z_m:g})"
