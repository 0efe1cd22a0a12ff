"""JSON list, OpenAI specs, Markdown and prompt all say what the declarations say."""

import json
from typing import Any

import pytest

from sixgym.tools.base import CATALOG, Effect
from sixgym.tools.schema import input_schema, json_specs, markdown, openai_specs, prompt, self_contained
from tests.tools.calls import CALLS
from tests.tools.plant import make_snapshot
from tests.tools.test_any_call_is_answered_or_refused import answer

SPECS = {spec["name"]: spec for spec in json_specs()}
TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def misfit(value: Any, schema: dict[str, Any], place: str = "$") -> str | None:
    """Where a value does not fit a self-contained schema, or None: the part of JSON Schema in use."""
    if "anyOf" in schema:
        found = [misfit(value, option, place) for option in schema["anyOf"]]
        return None if None in found else found[0]
    is_bool_as_number = isinstance(value, bool) and schema.get("type") in {"integer", "number"}
    if not isinstance(value, TYPES[schema["type"]]) or is_bool_as_number:
        return f"{place} is no {schema['type']}: {value!r}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{place} is none of {schema['enum']}: {value!r}"
    bounds = (schema.get("minimum", -float("inf")), schema.get("maximum", float("inf")))
    if isinstance(value, int | float) and not bounds[0] <= value <= bounds[1]:
        return f"{place} is out of range: {value}"
    return next(filter(None, _inner_misfits(value, schema, place)), None)


def _inner_misfits(value: Any, schema: dict[str, Any], place: str) -> list[str | None]:
    if isinstance(value, list):
        return [misfit(item, schema["items"], f"{place}[{n}]") for n, item in enumerate(value)]
    if not isinstance(value, dict):
        return []
    known, extra = schema.get("properties", {}), schema.get("additionalProperties")
    missing = [f"{place}.{name} is missing" for name in schema.get("required", ()) if name not in value]
    inner = [
        misfit(item, known.get(name) or extra or {}, f"{place}.{name}")
        if name in known or isinstance(extra, dict)
        else f"{place}.{name} is not in the schema"
        for name, item in value.items()
    ]
    return [*missing, *inner]


@pytest.mark.parametrize("name", CATALOG)
def test_an_answer_fits_the_output_schema(name: str) -> None:
    assert misfit(answer(CATALOG[name], CALLS[name], make_snapshot()), SPECS[name]["output_schema"]) is None


@pytest.mark.parametrize("name", CATALOG)
def test_a_sensible_call_fits_the_input_schema(name: str) -> None:
    assert misfit(CALLS[name], SPECS[name]["input_schema"]) is None


@pytest.mark.parametrize("name", CATALOG)
def test_what_the_input_schema_does_not_know_the_tool_refuses(name: str) -> None:
    assert SPECS[name]["input_schema"]["additionalProperties"] is False
    assert misfit({**CALLS[name], "colour": "red"}, SPECS[name]["input_schema"]) is not None


def test_a_spec_has_exactly_the_contracted_keys() -> None:
    keys = ["name", "effect", "paper_class", "description", "input_schema", "output_schema"]
    for spec in SPECS.values():
        assert list(spec) == keys
        assert spec["effect"] in {effect.value for effect in Effect}
    assert list(SPECS) == list(CATALOG)


def test_schemas_are_plain_enough_for_any_model_server() -> None:
    text = json.dumps([json_specs(), openai_specs()])
    for keyword in ('"$ref"', '"$defs"', '"prefixItems"', '"title"', '"oneOf"', '"discriminator"'):
        assert keyword not in text


def test_openai_specs_wrap_the_same_schema() -> None:
    for spec in openai_specs():
        function = spec["function"]
        assert spec["type"] == "function"
        assert function["parameters"] == SPECS[function["name"]]["input_schema"]
        assert function["parameters"]["type"] == "object"


def test_every_argument_is_described() -> None:
    for spec in SPECS.values():
        for argument in spec["input_schema"].get("properties", {}).values():
            assert len(argument["description"]) > 5


def test_derivations_repeat_exactly_and_survive_json() -> None:
    assert json_specs() == json.loads(json.dumps(json_specs()))
    assert markdown() == markdown()
    assert prompt() == prompt()


def test_an_argument_named_like_a_keyword_of_json_schema_is_kept() -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string", "title": "Title"}}}
    assert self_contained(schema)["properties"] == {"title": {"type": "string"}}


def test_the_reference_page_has_a_section_per_tool_and_gives_units_and_ranges() -> None:
    page = markdown()
    for name in CATALOG:
        assert f"\n### {name}\n" in page
    assert "| `speed_mps` | number | m/s | 0.1..40 |  |" in page
    assert "| `megacycles` | number | megacycle | > 0 |" in page
    assert "| `slice` | SliceType |" in page
    assert "URLLC or eMBB or mMTC" in page


def test_the_prompt_is_a_line_per_tool_and_names_every_type_it_uses() -> None:
    lines = prompt().splitlines()
    assert [line.split("(")[0] for line in lines[:42]] == list(CATALOG)
    assert any(line.startswith("Position {x_m: number -20000..20000") for line in lines)
    assert "SliceType = URLLC or eMBB or mMTC" in lines
    assert len(prompt()) < 12_000


def test_optional_arguments_show_their_default() -> None:
    schema = input_schema(CATALOG["compute_energy_budget"])
    assert schema["properties"]["speed_mps"]["default"] == 12.0
    assert schema["required"] == ["waypoints", "battery"]
