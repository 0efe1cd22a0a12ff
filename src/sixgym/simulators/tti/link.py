"""The link level of ns-3's LTE stack: transport blocks, channel quality, mutual information, block errors.

The figures are measured on ns-3 by `perf/make_link_tables.py` and kept in `link_tables.npz`. The
model is the one of TS 36.213 (blocks and MCS), of Piro et al., "A Two-Level Scheduling Algorithm for QoS
Support in the Downlink of LTE Cellular Networks", European Wireless 2010 (CQI), and of Mezzavilla et al.,
"A Lightweight and Accurate Link Abstraction Model for the Simulation of LTE Networks in ns-3", MSWiM 2012
(mutual information and block errors).

SINRs are linear and include the gain of the transmission mode (`LinkTables.open_loop_gain`), which applies
to channel quality and to data, on every layer alike.
"""

import math
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from sixgym.simulators.tti.compiled import compiled

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int32]

QPSK, QAM16, QAM64 = 0, 1, 2

LARGEST_RBG_PRBS = 4
"""PRBs of an RBG at 20 MHz, TS 36.213 table 7.1.6.1-1."""

_CERTAIN = 5.0
"""Standard score from which an error rate is 0 or 1: it is below 1e-12, and no draw is below 2e-10."""

_STEP_SHIFT = 19  # of the bits of a float32: leaves the exponent and four bits of the mantissa
_FIRST_STEP = (127 - 8) << 4  # SINRs from 2^-8 on
_STEPS = 24 << 4  # up to 2^16

_MCS_COUNT = 29  # TS 36.213 table 7.1.7.1-1
_CQI_COUNT = 16  # TS 36.213 table 7.2.3-1
_TARGET_ERROR_RATE = 0.1  # TS 36.213 clause 7.2.3
_MI_HEAD = 3.0  # columns of `LinkTables.mi` before the steps
_LARGEST_CODE_BLOCK_BITS = 6144  # TS 36.212 clause 5.1.2
_CODE_BLOCK_CRC_BITS = 24  # TS 36.212 clause 5.1.2
# ns-3 keeps a HARQ process's bits in 16-bit numbers, so they wrap; and no more than three transmissions
_BITS_16 = 0xFFFF
_HARQ_MEMORY = 3
# Where ns-3 begins to look for the curve of a retransmission, per modulation, and where it ends. It counts
# by MCS in a list that has three more curves per modulation, hence never takes a modulation's high rates
# and may end among those of the modulation below.
_FIRST_CURVE_TRIED = (9, 16, 28)
_LAST_CURVE_TRIED = (0, 10, 17)


class LinkTables(NamedTuple):
    """The link level as arrays; a named tuple, so that a compiled function can take it.

    A curve is an error rate over mutual information, the tail of a Gaussian. There is one for every code
    rate (38: for each modulation three low rates of retransmissions, then those of its MCS) and class of
    code block sizes (9).

    Attributes:
        block_bytes: Bytes of a transport block, shape (29, 111): by MCS and PRBs.
        mcs_of_cqi: MCS that CQI 0 to 15 stands for, shape (16,).
        piro_sinr: SINR above which a PRB has CQI 1 to 15 in the Piro model, shape (16,), ascending; the last
            is infinite.
        piro_steps: CQI at the lower end of every step of the SINR's float32 bits, shape (384,).
        mi: Mutual information per bit, shape (3, 998): by modulation, first the SINR of the first step, the
            steps per unit of SINR and the index of the last step, then the steps.
        mi_needed: Least mean mutual information of an RBG, shape (5, 16, 3): by its PRBs, by CQI and by
            modulation, in the mutual-information model.
        code_rate: Code rate of the curves, shape (38,).
        curves: Mutual information at which half of the code blocks fail, and 1 / (sqrt(2) times the
            standard deviation), shape (2, 9, 38).
        segments: Code blocks of a transport block by its bytes, shape (9423, 4): number and size class of
            the larger ones, number and size class of the smaller ones.
        open_loop_gain: Factor on the SINR with two layers (transmission mode 3).
    """

    block_bytes: Counts
    mcs_of_cqi: Counts
    piro_sinr: Floats
    piro_steps: npt.NDArray[np.int64]
    mi: Floats
    mi_needed: Floats
    code_rate: Floats
    curves: Floats
    segments: Counts
    open_loop_gain: float


@compiled
def modulation_of(mcs: int) -> int:
    """QPSK, QAM16 or QAM64, TS 36.213 table 7.1.7.1-1."""
    return QPSK if mcs <= 9 else QAM16 if mcs <= 16 else QAM64


@compiled
def mutual_information(tables: LinkTables, modulation: int, sinr: float) -> float:
    """Mutual information per bit of a PRB, 0 to 1; a staircase, as in ns-3."""
    mi = tables.mi
    step = (sinr - mi[modulation, 0]) * mi[modulation, 1] + _MI_HEAD + 1.0
    # no branch, and an index that cannot be negative: 3 ns instead of 26
    return mi[modulation, np.uint32(min(max(step, _MI_HEAD), mi[modulation, 2]))]


@compiled
def piro_cqi(tables: LinkTables, sinr: float) -> int:
    """CQI of a PRB in the Piro model."""
    # a step is a sixteenth of an octave and holds one threshold at most; without a branch
    step = (np.float32(sinr).view(np.int32) >> _STEP_SHIFT) - _FIRST_STEP
    cqi = tables.piro_steps[min(max(step, 0), _STEPS - 1)]
    return cqi + (sinr > tables.piro_sinr[cqi])


@compiled
def piro_rbg_cqi(tables: LinkTables, sinrs: Floats, first: int, prbs: int) -> int:
    """CQI of the RBG of PRBs `first` to `first + prbs - 1` in the Piro model: their mean, rounded down."""
    total = 0
    for prb in range(first, first + prbs):
        total += piro_cqi(tables, sinrs[prb])
    return total // prbs


@compiled
def mi_cqi(tables: LinkTables, prbs: int, qpsk: float, qam16: float, qam64: float) -> int:
    """CQI of an RBG of 1 to 4 PRBs in the mutual-information model, from its means of mutual information.

    ns-3 counts the MCS, from 0 on, whose block over the RBG has an error rate of 10 % at most, and takes
    the CQI of the next lower spectral efficiency.
    """
    needed = tables.mi_needed
    cqi = 0
    for half in (8, 4, 2, 1):
        tried = cqi + half
        if (
            qpsk >= needed[prbs, tried, QPSK]
            and qam16 >= needed[prbs, tried, QAM16]
            and qam64 >= needed[prbs, tried, QAM64]
        ):
            cqi = tried
    return cqi


@compiled
def mi_rbg_cqi(tables: LinkTables, sinrs: Floats, first: int, prbs: int) -> int:
    """CQI of the RBG of PRBs `first` to `first + prbs - 1` in the mutual-information model."""
    qpsk = qam16 = qam64 = 0.0
    for prb in range(first, first + prbs):
        qpsk += mutual_information(tables, QPSK, sinrs[prb])
        qam16 += mutual_information(tables, QAM16, sinrs[prb])
        qam64 += mutual_information(tables, QAM64, sinrs[prb])
    return mi_cqi(tables, prbs, qpsk / prbs, qam16 / prbs, qam64 / prbs)


@compiled
def block_error_rate(tables: LinkTables, block_bytes: int, mcs: int, mi: float) -> float:
    """Probability that a transport block, sent for the first time, is not decoded.

    Args:
        tables: Result of `load_link_tables`.
        block_bytes: Size of the block on its layer.
        mcs: Its MCS, 0 to 28.
        mi: Mutual information with the MCS's modulation, mean over the block's PRBs.
    """
    return _error_rate(tables.curves, tables.segments, block_bytes, _curve_of(mcs), mi)


@compiled
def retransmission_error_rate(
    tables: LinkTables, block_bytes: int, mcs: int, mi: float, harq: Floats
) -> float:
    """Probability that a retransmitted block is not decoded together with the earlier transmissions.

    Args:
        tables: Result of `load_link_tables`.
        block_bytes: Size of the block on its layer.
        mcs: Its MCS, 0 to 28.
        mi: Mutual information of this transmission alone, as in `block_error_rate`.
        harq: Soft information of the process on this layer, see `remember_failure`. If it is empty, this
            transmission alone decides.
    """
    if harq[0] == 0:
        return block_error_rate(tables, block_bytes, mcs, mi)
    code_rates = tables.code_rate
    code_bits = block_bytes * 8 / code_rates[_curve_of(mcs)]
    total_bits = int(harq[2] + code_bits) & _BITS_16
    curve = _retransmission_curve(code_rates, modulation_of(mcs), harq[1] / total_bits)
    information = (harq[3] + mi * code_bits) / total_bits
    return _error_rate(tables.curves, tables.segments, block_bytes, curve, information)


@compiled
def remember_failure(tables: LinkTables, harq: Floats, block_bytes: int, mcs: int, mi: float) -> None:
    """Adds a transmission that was not decoded to the soft information of a HARQ process and layer.

    `harq` has four floats: transmissions, 0 when empty, information bits of the first, code bits of
    all, and the sum of mutual information times code bits. In ns-3 it is emptied on both layers when a
    block of the process is decoded on either, and not by a new block. So a block given up for lost after
    its third retransmission stays, nothing is added to it, and retransmissions of the next blocks of the
    process are combined with it until one block is decoded.
    """
    if harq[0] == _HARQ_MEMORY:
        return
    if harq[0] == 0:
        harq[1] = block_bytes * 8 & _BITS_16
        harq[2] = 0.0
        harq[3] = 0.0
    code_bytes = int(block_bytes / tables.code_rate[_curve_of(mcs)]) & _BITS_16
    code_bits = code_bytes * 8 & _BITS_16
    harq[0] += 1
    harq[2] = (int(harq[2]) + code_bits) & _BITS_16
    harq[3] += mi * code_bits


@compiled
def _curve_of(mcs: int) -> int:
    """The curve of an MCS: its modulation and those below have three more curves each."""
    return mcs + 3 * (modulation_of(mcs) + 1)


@compiled
def _retransmission_curve(code_rates: Floats, modulation: int, code_rate: float) -> int:
    """The curve whose code rate is next below that of all transmissions together."""
    curve = _FIRST_CURVE_TRIED[modulation]
    while code_rates[curve] > code_rate and curve > _LAST_CURVE_TRIED[modulation]:
        curve -= 1
    return curve


@compiled
def _error_rate(curves: Floats, segments: Counts, block_bytes: int, curve: int, mi: float) -> float:
    larger = _code_block_error_rate(curves, segments[block_bytes, 1], curve, mi)
    if segments[block_bytes, 0] + segments[block_bytes, 2] == 1:
        return larger
    smaller = _code_block_error_rate(curves, segments[block_bytes, 3], curve, mi)
    decoded = (1.0 - larger) ** segments[block_bytes, 0] * (1.0 - smaller) ** segments[block_bytes, 2]
    return 1.0 - decoded


@compiled
def _code_block_error_rate(curves: Floats, size_class: int, curve: int, mi: float) -> float:
    z = (mi - curves[0, size_class, curve]) * curves[1, size_class, curve]
    if abs(z) > _CERTAIN:
        return 0.0 if z > 0.0 else 1.0
    return 0.5 * math.erfc(z)


@cache
def load_link_tables() -> LinkTables:
    """The tables, read once. Callers must not change them."""
    path = files("sixgym.simulators.tti") / "link_tables.npz"
    with path.open("rb") as file, np.load(file) as stored:
        facts: dict[str, npt.NDArray[np.float64]] = {name: stored[name] for name in stored.files}
    block_bytes = facts["block_bits"].astype(np.int32) // 8
    first, last, steps = facts["mi_first"], facts["mi_last"], facts["mi_steps"]
    mi_head = np.column_stack((first, (steps - 1) / (last - first), steps + _MI_HEAD))
    tables = LinkTables(
        block_bytes=block_bytes,
        mcs_of_cqi=facts["mcs_of_cqi"].astype(np.int32),
        piro_sinr=np.append(facts["piro_sinr"], np.inf),
        piro_steps=_piro_steps(facts["piro_sinr"]),
        mi=np.hstack((mi_head, facts["mi"])),
        mi_needed=np.zeros((LARGEST_RBG_PRBS + 1, _CQI_COUNT, 3)),
        code_rate=facts["code_rate"],
        curves=np.stack((facts["curve_mean"], 1 / (math.sqrt(2) * facts["curve_spread"]))),
        segments=_segment_blocks(int(block_bytes.max()), facts["curve_bits"]),
        open_loop_gain=float(10 ** (facts["open_loop_gain_db"][0] / 10)),
    )
    _fill_needed_information(tables)
    return tables


def _piro_steps(thresholds: Floats) -> npt.NDArray[np.int64]:
    lowest = (np.arange(_STEPS, dtype=np.int32) + _FIRST_STEP << _STEP_SHIFT).view(np.float32)
    lowest[0] = 0.0
    return np.searchsorted(thresholds, lowest.astype(np.float64)).astype(np.int64)


def _segment_blocks(largest_bytes: int, curve_bits: Floats) -> Counts:
    """Code block segmentation of TS 36.212 clause 5.1.2; ns-3 leaves the block's own CRC out."""
    sizes = np.r_[40:512:8, 512:1024:16, 1024:2048:32, 2048:6145:64]
    bits = 8 * np.arange(largest_bytes + 1)
    room = _LARGEST_CODE_BLOCK_BITS - _CODE_BLOCK_CRC_BITS
    count = np.where(bits <= _LARGEST_CODE_BLOCK_BITS, 1, -(-bits // room))
    bits = bits + np.where(count > 1, count * _CODE_BLOCK_CRC_BITS, 0)
    larger = np.searchsorted(sizes, bits / count)
    smaller = np.maximum(larger - 1, 0)
    step = np.maximum(sizes[larger] - sizes[smaller], 1)
    fewer = np.where(count > 1, (count * sizes[larger] - bits) // step, 0)

    segments = np.empty((largest_bytes + 1, 4), np.int32)
    segments[:, 0] = count - fewer
    segments[:, 1] = np.searchsorted(curve_bits, sizes[larger], side="right") - 1
    segments[:, 2] = fewer
    segments[:, 3] = np.searchsorted(curve_bits, sizes[smaller], side="right") - 1
    return segments


def _fill_needed_information(tables: LinkTables) -> None:
    """`LinkTables.mi_needed`: CQI c asks for MCS 0 to 2c - 1, and CQI 15 for all 29."""
    for prbs in range(1, LARGEST_RBG_PRBS + 1):
        for mcs in range(_MCS_COUNT):
            block_bytes = int(tables.block_bytes[mcs, prbs])
            least = _least_information(tables, block_bytes, mcs)
            first_cqi = min(mcs // 2 + 1, _CQI_COUNT - 1)
            needed = tables.mi_needed[prbs, first_cqi:, modulation_of(mcs)]
            np.maximum(needed, least, out=needed)


@numba.njit(cache=True)
def _least_information(tables: LinkTables, block_bytes: int, mcs: int) -> float:
    """The least mutual information with an error rate of at most 10 %, to the last bit."""
    low, high = 0.0, 2.0
    while True:
        middle = low + (high - low) / 2
        if middle in (low, high):
            return high
        if block_error_rate(tables, block_bytes, mcs, middle) > _TARGET_ERROR_RATE:
            low = middle
        else:
            high = middle
