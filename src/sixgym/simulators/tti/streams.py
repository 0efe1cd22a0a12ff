"""The random numbers of ns-3: MRG32k3a generators, addressed by stream number and run.

P. L'Ecuyer, R. Simard, E. J. Chen and W. D. Kelton, "An Object-Oriented Random-Number Package with Many
Long Streams and Substreams", Operations Research 50(6), 2002. Streams are 2^127 draws apart, the substreams
of a stream, which ns-3 calls runs, 2^76. With seed 1, ns-3's default, draws are equal to the last bit.

A generator is a vector of six uint64: the last three values of each of the two recurrences.
"""

from collections.abc import Iterable
from functools import cache

import numba
import numpy as np
import numpy.typing as npt

from sixgym.simulators.tti.compiled import compiled

States = npt.NDArray[np.uint64]
"""Generators, shape (..., 6)."""

_MODULUS_1 = np.uint64(4294967087)
_MODULUS_2 = np.uint64(4294944443)
# x[n] = 1403580 x[n-2] - 810728 x[n-3] and y[n] = 527612 y[n-1] - 1370589 y[n-3]
_X2 = np.uint64(1403580)
_X3 = np.uint64(810728)
_Y1 = np.uint64(527612)
_Y3 = np.uint64(1370589)
_NORM = 1.0 / 4294967088.0

_STREAM_LOG2 = 127
_RUN_LOG2 = 76
_BITS = 64
# streams that a program numbers itself lie in the upper half, clear of those that ns-3 hands out
_EXPLICIT = np.uint64(1 << 63)


@cache
def jump_matrices() -> npt.NDArray[np.uint64]:
    """Transition matrices to the powers 1, 2, 4, ..., 2^190 of both recurrences, shape (2, 191, 3, 3)."""
    matrices = np.zeros((2, _STREAM_LOG2 + _BITS, 3, 3), np.uint64)
    for k, (last_row, modulus) in enumerate(
        (
            ([-int(_X3), int(_X2), 0], int(_MODULUS_1)),
            ([-int(_Y3), 0, int(_Y1)], int(_MODULUS_2)),
        )
    ):
        power = np.array([[0, 1, 0], [0, 0, 1], [x % modulus for x in last_row]], object)
        for i in range(matrices.shape[1]):
            matrices[k, i] = power
            power = power @ power % modulus
    return matrices


@numba.njit(cache=True)
def _jump(state: States, count: np.uint64, log2_step: int, matrices: npt.NDArray[np.uint64]) -> None:
    """Advances a generator by `count` * 2^`log2_step` draws."""
    moved = np.empty(3, np.uint64)
    for bit in range(_BITS):
        if (count >> np.uint64(bit)) & np.uint64(1) == np.uint64(0):
            continue
        for k in range(2):
            modulus = _MODULUS_1 if k == 0 else _MODULUS_2
            for i in range(3):
                # factors below 2^32 and sums of remainders: nothing exceeds 64 bits
                total = np.uint64(0)
                for j in range(3):
                    total += matrices[k, log2_step + bit, i, j] * state[3 * k + j] % modulus
                moved[i] = total % modulus
            for i in range(3):
                state[3 * k + i] = moved[i]


@numba.njit(cache=True)
def seed_stream(state: States, number: int, run: int, matrices: npt.NDArray[np.uint64]) -> None:
    """Sets a generator to its start.

    Args:
        state: Six uint64, overwritten.
        number: The stream, what a program gives to ns-3's `SetStream`; 0 to 2^63 - 1.
        run: What a program gives to ns-3's `RngSeedManager::SetRun`; 0 to 2^63 - 1.
        matrices: Result of `jump_matrices`.
    """
    state[:] = np.uint64(1)
    _jump(state, np.uint64(number) | _EXPLICIT, _STREAM_LOG2, matrices)
    _jump(state, np.uint64(run), _RUN_LOG2, matrices)


def seeded_streams(numbers: Iterable[int], run: int) -> States:
    """Generators at their start, shape (len(numbers), 6); see `seed_stream`.

    Raises:
        ValueError: a number is or the run is not in 0 to 2^63 - 1.
    """
    wanted = list(numbers)
    if not all(0 <= number < 1 << 63 for number in (*wanted, run)):
        raise ValueError(f"no such random streams: {wanted}, run {run}")
    states = np.empty((len(wanted), 6), np.uint64)
    for state, number in zip(states, wanted, strict=True):
        seed_stream(state, number, run, jump_matrices())
    return states


@compiled
def uniform(state: States) -> float:
    """The next draw between 0 and 1, both excluded; the generator advances."""
    # adding the modulus keeps the differences positive: p < 2^53
    x = (_X2 * state[1] + _X3 * (_MODULUS_1 - state[0])) % _MODULUS_1
    state[0] = state[1]
    state[1] = state[2]
    state[2] = x
    y = (_Y1 * state[5] + _Y3 * (_MODULUS_2 - state[3])) % _MODULUS_2
    state[3] = state[4]
    state[4] = state[5]
    state[5] = y
    difference = x - y if x > y else x + _MODULUS_1 - y
    return float(difference) * _NORM


@compiled
def exponential(state: States, mean: float) -> float:
    """The next draw of an exponential distribution, as ns-3's `ExponentialRandomVariable` without bound."""
    return -mean * np.log(uniform(state))


@numba.njit(cache=True)
def first_uniforms(states: States) -> npt.NDArray[np.float64]:
    """The next uniform draw of each of many generators, shape (generators,)."""
    draws = np.empty(len(states))
    for i in range(len(states)):
        draws[i] = uniform(states[i])
    return draws
