"""Objects that an argument names. The error for an unknown name lists the known names."""

from collections.abc import Iterable

from sixgym.domain.measurement import DeviceMeasurement
from sixgym.domain.mission import Uav
from sixgym.domain.network import Airframe, Cell, Group, Slice
from sixgym.domain.slices import NetworkState, SliceType
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.base import ToolError

ONBOARD = "onboard"


def uav_of(network: Snapshot, name: str) -> Uav:
    """The UAV with a name."""
    known = network.uavs.get(name)
    if known is None:
        raise ToolError(f"there is no UAV {name!r}; UAVs are {listed(network.uavs)}")
    return known


def device_of(network: Snapshot, uav: str) -> DeviceMeasurement:
    """Measurements of a UAV's modem."""
    return network.interval.devices[uav_of(network, uav).id]


def airframe_of(network: Snapshot, uav: str) -> Airframe:
    """The airframe of a UAV."""
    airframe = group_of(network, device_of(network, uav).group).airframe
    assert airframe is not None  # only groups with one have UAVs
    return airframe


def cell_of(network: Snapshot, name: str) -> Cell:
    """The cell with an id."""
    for cell in network.scenario.cells:
        if cell.id == name:
            return cell
    raise ToolError(
        f"there is no gNB {name!r}; gNBs are {listed(cell.id for cell in network.scenario.cells)}"
    )


def group_of(network: Snapshot, name: str) -> Group:
    """The group with a name."""
    for group in network.scenario.groups:
        if group.name == name:
            return group
    raise ToolError(
        f"there is no group {name!r}; groups are {listed(group.name for group in network.scenario.groups)}"
    )


def slice_of(network: Snapshot, kind: SliceType) -> Slice:
    """The slice of a type."""
    for known in network.scenario.slices:
        if known.type is kind:
            return known
    raise ToolError(
        f"this network has no {kind.value} slice; slices are "
        f"{listed(known.type.value for known in network.scenario.slices)}"
    )


def groups_in(network: Snapshot, kind: SliceType) -> tuple[Group, ...]:
    """Groups that are scheduled in a slice now."""
    slices = network.resources.slice_of
    return tuple(group for group in network.scenario.groups if slices[group.name] is kind)


def check_version(network: Snapshot, state: NetworkState) -> None:
    """Refuse a state that was never measured."""
    if state.version > network.version:
        raise ToolError(
            f"state has version {state.version}, but the newest is {network.version}; "
            "pass the state that the network reported"
        )


def listed(names: Iterable[str]) -> str:
    """Names for a message: sorted, at most 20."""
    ordered = sorted(names)
    text = ", ".join(ordered[:20]) or "none"
    return f"{text} and {len(ordered) - 20} more" if len(ordered) > 20 else text
