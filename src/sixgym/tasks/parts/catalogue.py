"""The catalogue of parts, and the parts and fleets that tasks of each domain draw from."""

import functools
from collections.abc import Callable, Mapping

from sixgym.tasks.parts import flight, links, questions, slices
from sixgym.tasks.parts.draft import Draft
from sixgym.tasks.record import Domain

PARTS: Mapping[str, Callable[[Draft], None]] = {
    "starved": slices.starved,
    "hoarded": slices.hoarded,
    "surging": slices.surging,
    "misplaced": slices.misplaced,
    "crowded": slices.crowded,
    "overloaded-edge": links.overloaded_edge,
    "late-overloaded-edge": functools.partial(links.overloaded_edge, late=True),
    "weak-cell": links.weak_cell,
    "late-weak-cell": functools.partial(links.weak_cell, late=True),
    "flown-to": flight.flown_to,
    "flown-to-blindly": functools.partial(flight.flown_to, look=False),
    "climbed": flight.climbed,
    "in-formation": flight.in_formation,
    "assigned": flight.assigned,
    "warned": flight.warned,
    "equipped": flight.equipped,
    "asked-for-load": questions.asked_for_load,
    "asked-for-signal": questions.asked_for_signal,
    "asked-for-battery": questions.asked_for_battery,
    "asked-for-distance": questions.asked_for_distance,
}
"""Every part by name."""

FIRST: Mapping[Domain, tuple[str, ...]] = {
    "network-slicing": (
        *("starved", "hoarded", "surging", "crowded", "asked-for-load"),
        *("starved", "misplaced", "misplaced"),
    ),
    "edge-offloading": ("overloaded-edge",),
    "uav-control": (
        *("flown-to", "flown-to", "flown-to", "climbed", "in-formation", "equipped"),
        *("asked-for-signal", "asked-for-battery", "asked-for-distance"),
    ),
    "degradation-recovery": ("weak-cell", "weak-cell", "weak-cell", "overloaded-edge", "surging"),
    "multi-agent-coordination": ("assigned", "warned", "equipped", "in-formation", "in-formation"),
}
"""The first part of a task, by domain: its main subject. A name that appears twice is drawn twice as
often."""

FURTHER: Mapping[Domain, tuple[str, ...]] = {
    "network-slicing": (
        *("starved", "hoarded", "surging", "misplaced", "crowded", "asked-for-load"),
        *("late-overloaded-edge", "late-weak-cell", "flown-to"),
    ),
    "edge-offloading": (
        *("overloaded-edge", "starved", "surging", "misplaced", "hoarded", "late-weak-cell"),
        *("flown-to", "asked-for-battery", "asked-for-load"),
    ),
    "uav-control": (
        *("flown-to", "flown-to", "climbed", "equipped", "late-weak-cell"),
        *("asked-for-battery", "asked-for-signal", "asked-for-distance"),
    ),
    "degradation-recovery": (
        *("late-weak-cell", "late-overloaded-edge", "surging", "starved", "misplaced"),
        *("asked-for-load", "warned"),
    ),
    "multi-agent-coordination": ("assigned", "warned", "equipped", "flown-to-blindly", "climbed"),
}
"""The further parts of a task, by domain. A name that appears twice is drawn twice as often."""

FLEETS: Mapping[Domain, tuple[int, ...]] = {
    "network-slicing": (1, 2, 3),
    "edge-offloading": (1, 2, 3, 4),
    "uav-control": (2, 3, 4),
    "degradation-recovery": (1, 2, 3, 4),
    "multi-agent-coordination": (3, 4, 5),
}
"""Possible numbers of UAVs, by domain."""
