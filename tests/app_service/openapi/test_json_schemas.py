"""Schemas follow the types: a field, a rule or an enumeration has no second description."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from app_service.ledger.described import Balance
from app_service.ledger.fields import ClientId, Flag, Identifier, Rule, parse_integer
from app_service.openapi.json_schemas import components, ref, schema_of


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Unused(StrEnum):
    ONE = "one"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked.

    In `Markdown`.
    """

    asked_id: Identifier
    flag: Flag = False
    client: ClientId | None = None
    narrowed: Annotated[
        Unused, Rule(parse=parse_integer, schema={"enum": ["one"]}, sql_type="text")
    ] = Unused.ONE


@dataclass(frozen=True, kw_only=True)
class Part:
    colour: Colour
    owner: str | None
    note: str | UnsetType = UNSET


@dataclass(frozen=True, kw_only=True)
class Answered:
    answered_id: UUID
    balance: Balance
    parts: list[Part]


def test_a_field_with_a_rule_is_described_by_its_rule() -> None:
    schema = components(Asked)["Asked"]
    assert schema["properties"]["client"] == {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"}
    assert schema["properties"]["flag"] == {"type": "boolean", "default": False}
    assert schema["required"] == ["asked_id"]
    assert schema["description"] == "What is asked.\n\nIn `Markdown`."
    assert schema_of(Asked, "client") == schema["properties"]["client"]


def test_an_answer_is_described_as_it_is_encoded() -> None:
    schemas = components(Answered, Part)
    answered, part = schemas["Answered"], schemas["Part"]
    assert answered["properties"]["balance"]["minimum"] == -(2**53 - 1)
    assert answered["properties"]["parts"] == {"type": "array", "items": ref(Part)}
    assert part["properties"]["colour"] == ref(Colour)
    assert set(schemas["Colour"]["enum"]) == {"red", "blue"}
    assert part["required"] == ["colour", "owner"], "owner may be null, note may be left out"
    without_note = msgspec.json.decode(msgspec.json.encode(Part(colour=Colour.RED, owner=None)))
    assert without_note == {"colour": "red", "owner": None}


def test_no_object_has_other_properties_and_no_schema_is_unused() -> None:
    schemas = components(Asked, Answered, Part)
    assert set(schemas) == {"Asked", "Answered", "Part", "Colour"}
    assert all(
        schemas[name]["additionalProperties"] is False for name in schemas if name != "Colour"
    )
