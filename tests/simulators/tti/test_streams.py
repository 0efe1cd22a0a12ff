import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixgym.simulators.tti.streams import exponential, seeded_streams, uniform

# (run, stream): three draws of ns-3's UniformRandomVariable and three of its ExponentialRandomVariable
# of mean 2.5, after SetSeed(1), SetRun(run) and SetStream(stream)
DRAWS_OF_NS3 = {
    (1, 0): (
        ("0x1.e9b307b1e1765p-1", "0x1.d19f1e2251489p-1", "0x1.190dfeb25b5fp-1"),
        ("0x1.c804a51f262b8p-4", "0x1.e626bf97531cp-3", "0x1.7fdb34c4174a9p+0"),
    ),
    (7, 600000): (
        ("0x1.88ebb4273f827p-1", "0x1.ee6112c1aedf5p-1", "0x1.745439be846efp-2"),
        ("0x1.52d6641f65b77p-1", "0x1.669f9052bcf44p-4", "0x1.43bdf737d25eep+1"),
    ),
    (123456, 700123): (
        ("0x1.ca7db074861f7p-6", "0x1.b0ac6f938c1abp-1", "0x1.a8170d1092babp-1"),
        ("0x1.1e16ef9efaad3p+3", "0x1.aef3fc8c276d2p-2", "0x1.e23ff2a0c9dfp-2"),
    ),
    (123456, 1000000): (
        ("0x1.55175cc522fb7p-2", "0x1.b9700526ab044p-4", "0x1.56fc02d4acc25p-1"),
        ("0x1.5fc86fe37ad3ap+1", "0x1.646fcd512b021p+2", "0x1.0068cb0eea828p+0"),
    ),
}
# (run, pair): the first draws of ns-3's RngStream of number 2^63 + 1000000 + pair
FADING_DRAWS_OF_NS3 = {
    (1, 2048): ("0x1.941eddfe59147p-1", "0x1.ff450f3b681c7p-1", "0x1.38b7cfb61558dp-2"),
    (7, 2050): ("0x1.1cd298756b1bep-1", "0x1.e78bfebc21bfp-4", "0x1.3527895f301fap-1"),
    (123456, 102400): ("0x1.ec6143740f06ep-1", "0x1.e95d036d9b92dp-1", "0x1.530e9c937bdf4p-4"),
}

numbers = st.integers(0, 2**63 - 1)


@pytest.mark.parametrize(("run", "stream"), DRAWS_OF_NS3)
def test_draws_equal_those_of_ns3_to_the_last_bit(run: int, stream: int) -> None:
    uniforms, exponentials = DRAWS_OF_NS3[run, stream]
    first, second = seeded_streams([stream, stream], run)
    assert [uniform(first) for _ in uniforms] == [float.fromhex(draw) for draw in uniforms]
    assert [exponential(second, 2.5) for _ in exponentials] == [float.fromhex(draw) for draw in exponentials]


@pytest.mark.parametrize(("run", "pair"), FADING_DRAWS_OF_NS3)
def test_draws_of_the_fading_streams_equal_those_of_ns3(run: int, pair: int) -> None:
    expected = FADING_DRAWS_OF_NS3[run, pair]
    state = seeded_streams([1_000_000 + pair], run)[0]
    assert [uniform(state) for _ in expected] == [float.fromhex(draw) for draw in expected]


def test_a_stream_still_equals_ns3_after_a_hundred_thousand_draws() -> None:
    state = seeded_streams([42], 3)[0]
    for _ in range(99_999):
        uniform(state)
    assert uniform(state) == float.fromhex("0x1.e5fb169cdc027p-1")


@settings(deadline=None)  # compiled at the first call
@given(numbers, numbers)
def test_draws_lie_between_zero_and_one_and_repeat(stream: int, run: int) -> None:
    first, second = seeded_streams([stream, stream], run)
    draws = [uniform(first) for _ in range(5)]
    assert all(0 < draw < 1 for draw in draws)
    assert draws == [uniform(second) for _ in range(5)]


@settings(deadline=None)  # compiled at the first call
@given(numbers, numbers, st.integers(0, 100))
def test_another_stream_and_another_run_draw_differently(stream: int, run: int, other: int) -> None:
    if other in (stream, run):
        return
    state = seeded_streams([stream], run)[0]
    assert uniform(seeded_streams([other], run)[0]) != uniform(state)
    assert uniform(seeded_streams([stream], other)[0]) != uniform(seeded_streams([stream], run)[0])


def test_exponential_draws_have_their_mean() -> None:
    state = seeded_streams([600_000], 1)[0]
    draws = [exponential(state, 4.0) for _ in range(20_000)]
    assert math.isclose(float(np.mean(draws)), 4.0, rel_tol=0.03)


@pytest.mark.parametrize(("stream", "run"), [(-1, 1), (2**63, 1), (0, -1), (0, 2**63)])
def test_a_stream_that_ns3_does_not_have_is_refused(stream: int, run: int) -> None:
    with pytest.raises(ValueError, match="no such random streams"):
        seeded_streams([stream], run)
