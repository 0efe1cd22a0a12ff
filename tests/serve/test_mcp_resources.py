"""MCP: resources, prompts and progress, and what they do not reveal."""

import json

import pytest
from mcp import Client, MCPError
from mcp_types import INVALID_PARAMS, TextContent

from sixgym.agents.llm.prompt import opening
from sixgym.episodes.episode import Task
from sixgym.serve.mcp import FINISH
from tests.serve.clients import Held, Place, resource_text, small_task
from tests.serve.conversations import ERAS, in_process, with_client


@ERAS
def test_resources_hold_intent_network_and_state(mode: str) -> None:
    async def check(client: Client) -> None:
        uris = [str(resource.uri) for resource in (await client.list_resources()).resources]
        assert uris == ["sixgym://intent", "sixgym://scenario", "sixgym://state"]
        intent, scenario, state = [await resource_text(client, uri) for uri in uris]
        assert intent == small_task().intent
        assert [cell["id"] for cell in json.loads(scenario)["cells"]] == ["gnb-1", "gnb-2", "gnb-3"]
        assert json.loads(state)["state"]["t_ms"] == 0
        await client.call_tool("check_network_state", {})
        later = json.loads(await resource_text(client, "sixgym://state"))
        assert later["state"]["t_ms"] == 500
        assert later["calls_left"] == small_task().max_steps - 1

    with_client(Place(), check, mode)


def test_nothing_there_is_to_read_tells_of_faults_goals_or_seeds() -> None:
    task = small_task()
    secret = replace_seed(task.model_copy(update={"seed": 987654321}), 123456789)
    assert secret.scenario.faults
    assert secret.scenario.tasks

    async def check(client: Client) -> None:
        listing = [
            await client.list_resources(),
            await client.list_prompts(),
            await client.get_prompt("operate"),
            *[await client.read_resource(f"sixgym://{name}") for name in ("intent", "scenario", "state")],
        ]
        said = "".join(part.model_dump_json() for part in listing) + str(client.instructions)
        for hidden in (
            "987654321",
            "123456789",
            secret.scenario.description[:40],
            "start_ms",
            "IS_LESS_THAN",
        ):
            assert hidden not in said
        scenario = json.loads(await resource_text(client, "sixgym://scenario"))
        assert not {"faults", "tasks", "description", "topology_seed"} & set(scenario)
        assert not {"placement", "routes"} & {key for group in scenario["groups"] for key in group}
        assert secret.scenario.faults[0].kind not in json.dumps(scenario)

    with_client(Place(task=secret), check)


def replace_seed(task: Task, seed: int) -> Task:
    scenario = task.scenario.model_copy(update={"topology_seed": seed})
    return task.model_copy(update={"scenario": scenario})


def test_the_prompt_is_the_opening_that_models_in_process_get() -> None:
    async def check(client: Client) -> None:
        [prompt] = (await client.list_prompts()).prompts
        given = await client.get_prompt(prompt.name)
        contents = [message.content for message in given.messages]
        system, user = (part.text for part in contents if isinstance(part, TextContent))
        expected = opening(in_process(), "native")
        assert system.startswith(expected[0].content)
        assert FINISH in system
        assert user == expected[1].content

    with_client(Place(), check)


@pytest.mark.parametrize("wrong", ["sixgym://faults", "file:///etc/passwd", "sixgym://scenario/../faults"])
def test_what_there_is_not_is_a_protocol_error(wrong: str) -> None:
    async def check(client: Client) -> None:
        with pytest.raises(MCPError, match="there are sixgym://intent") as error:
            await client.read_resource(wrong)
        assert error.value.code == INVALID_PARAMS
        with pytest.raises(MCPError, match="there is operate"):
            await client.get_prompt("other")

    with_client(Place(), check)


# ---------------------------------------------------------------------- progress
@ERAS
def test_a_client_that_asks_is_told_what_takes_long(mode: str) -> None:
    slow = Held()
    place = Place(make=lambda: slow)
    heard: list[tuple[float, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))
        if len(heard) == 2:
            slow.let_go.set()

    async def check(client: Client) -> None:
        await client.call_tool("check_network_state", {}, progress_callback=hear)

    with_client(place, check, mode)
    assert [message for _, message in heard] == ["the network runs", "the network runs"]
    assert heard[0][0] < heard[1][0]
