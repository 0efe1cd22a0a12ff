"""How many work at once, in whose thread, and what happens to the silent."""

import threading

import anyio
import pytest

from sixgym.serve.sessions import ServedClient, TooManySessionsError
from tests.doubles import FluidSimulator
from tests.serve.clients import Held, Place

LOOK = "check_network_state"


async def look(client: ServedClient) -> int:
    """A call; the number of calls left after it."""
    return (await client.do(lambda: client.session.call(LOOK, {}))).steps_left


def test_only_so_many_clients_are_at_work_at_once() -> None:
    place = Place(limit=2)

    async def main() -> None:
        async with place.sessions.client(), place.sessions.client():
            with pytest.raises(TooManySessionsError, match="2 of 2 sessions are in use"):
                async with place.sessions.client():
                    pass
        async with place.sessions.client():
            assert place.sessions.number == 1

    anyio.run(main)
    assert place.sessions.number == 0


def test_a_session_that_ends_frees_its_network_and_no_other() -> None:
    place = Place()

    async def main() -> None:
        async with place.sessions.client() as staying:
            async with place.sessions.client() as leaving:
                await look(staying)
                await look(leaving)
                assert place.running == 2
            assert place.running == 1
            assert await look(staying) == place.task.max_steps - 2

    anyio.run(main)
    assert place.running == 0
    assert len(place.kept) == 2


def test_a_silent_session_loses_its_network_and_is_told_so() -> None:
    place = Place(idle_s=0.05)

    async def main() -> str:
        async with place.sessions.client() as client:
            await look(client)
            while place.running:
                await anyio.sleep(0.01)
            with pytest.raises(Exception, match=r"silent for 0\.05 s") as refused:
                await look(client)
            return str(refused.value)

    assert "connect again" in anyio.run(main)
    assert place.kept[0].infrastructure_failure is None


def test_who_has_not_begun_may_be_silent_and_begin_later() -> None:
    place = Place(idle_s=0.02)

    async def main() -> int:
        async with place.sessions.client() as client:
            await anyio.sleep(0.1)
            return await look(client)

    assert anyio.run(main) == place.task.max_steps - 1


def test_without_a_limit_the_silent_keep_their_network() -> None:
    place = Place(idle_s=None)

    async def main() -> None:
        async with place.sessions.client() as client:
            await look(client)
            await anyio.sleep(0.05)
            assert place.running == 1

    anyio.run(main)


def test_sessions_are_deserted_when_only_the_end_of_their_work_is_waited_for() -> None:
    slow = Held()
    place = Place(make=lambda: slow)
    seen: list[bool] = []

    async def main() -> None:
        seen.append(place.sessions.deserted)
        async with anyio.create_task_group() as tasks, place.sessions.client() as client:
            slow.let_go.set()
            await look(client)
            slow.let_go.clear()
            slow.entered.clear()
            seen.append(place.sessions.deserted)
            tasks.start_soon(client.close)
            while not slow.entered.is_set():
                await anyio.sleep(0.005)
            seen.append(place.sessions.deserted)
            slow.let_go.set()
        seen.append(place.sessions.deserted)

    anyio.run(main)
    assert seen == [False, False, True, False]


def test_who_serves_connections_can_end_that_of_a_silent_client() -> None:
    place = Place(idle_s=0.05)

    async def main() -> None:
        with anyio.CancelScope() as connection:
            async with place.sessions.client(on_idle=connection.cancel) as client:
                await look(client)
                await anyio.sleep_forever()

    anyio.run(main)
    assert place.running == 0


def test_a_slow_network_holds_up_nobody_else_and_is_not_silent() -> None:
    slow = Held()
    make = [slow, FluidSimulator()]
    place = Place(make=lambda: make.pop(0), idle_s=0.2)

    async def main() -> None:
        async with (
            place.sessions.client() as one,
            place.sessions.client() as other,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(look, one)
            while not slow.entered.is_set():
                await anyio.sleep(0.005)
            assert await look(other) == place.task.max_steps - 1
            await anyio.sleep(0.3)
            assert slow.closed == 0
            slow.let_go.set()

    anyio.run(main)


def test_calls_of_one_client_take_their_turns_in_one_thread() -> None:
    slow = Held()
    slow.let_go.set()
    place = Place(make=lambda: slow)
    left: list[int] = []

    async def main() -> None:
        async with place.sessions.client() as client, anyio.create_task_group() as tasks:

            async def call() -> None:
                left.append(await look(client))

            for _ in range(place.task.max_steps):
                tasks.start_soon(call)

    anyio.run(main)
    assert left == list(range(place.task.max_steps - 1, -1, -1))
    assert len(slow.threads) == 1
    assert threading.get_ident() not in slow.threads


def test_a_cancelled_call_that_waits_for_its_turn_is_not_carried_out() -> None:
    slow = Held()
    place = Place(make=lambda: slow)

    async def main() -> None:
        async with place.sessions.client() as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(look, client)
                while not slow.entered.is_set():
                    await anyio.sleep(0.005)
                with anyio.move_on_after(0.01):
                    await look(client)
                slow.let_go.set()
            assert await look(client) == place.task.max_steps - 2

    anyio.run(main)


def test_closing_all_ends_them_at_once_and_waits_until_they_are_kept() -> None:
    place = Place()

    async def main() -> None:
        async with place.sessions.client() as one, place.sessions.client() as other:
            await look(one)
            await look(other)
            await place.sessions.close()
            assert place.running == 0
            assert [episode.infrastructure_failure for episode in place.kept] == 2 * [
                "the server was stopped"
            ]

    anyio.run(main)
    assert len(place.kept) == 2
