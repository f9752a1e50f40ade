"""JSON schemas from the dataclasses and enumerations that the routes read and answer.

msgspec describes the types that it encodes. A field annotated with a Rule or with Described has
that schema instead: the rule says more than the type.
"""

from collections.abc import Iterator
from dataclasses import fields
from inspect import cleandoc
from typing import Any, get_args, get_type_hints

import msgspec

from app_service.ledger.described import Described
from app_service.ledger.fields import Rule

Json = dict[str, Any]

_PREFIX = "#/components/schemas/"


def ref(record: type) -> Json:
    return {"$ref": f"{_PREFIX}{record.__name__}"}


def components(*records: type) -> Json:
    """The schema of each dataclass by its name, with the enumerations that they use.

    An object has the described properties and no others. `records` names every dataclass, also
    those that are only parts of others.
    """
    _, schemas = msgspec.json.schema_components(records, ref_template=_PREFIX + "{name}")
    by_name = {record.__name__: record for record in records}
    described = {name: _object(by_name[name], schemas[name]) for name in by_name}
    used = set(_refs(described)) - described.keys()
    return described | {name: schemas[name] for name in sorted(used)}


def schema_of(record: type, field: str) -> Json:
    """The schema of one field."""
    properties: Json = components(record)[record.__name__]["properties"]
    found: Json = properties[field]
    return found


def _object(record: type, schema: Json) -> Json:
    hints = get_type_hints(record, include_extras=True)
    properties: Json = {}
    for field in fields(record):
        rule = _rule(hints[field.name])
        found = schema["properties"][field.name] if rule is None else rule.schema
        # None as a default means that the field is left out, not that it may be null.
        properties[field.name] = {k: v for k, v in found.items() if (k, v) != ("default", None)}
    described = {**schema, "properties": properties, "additionalProperties": False}
    if "description" in described:
        described["description"] = cleandoc(described["description"])
    return described


def _rule(hint: Any) -> Rule | Described | None:
    """The rule in `Annotated[...]`, also in `Annotated[...] | None`."""
    for annotated in (hint, *get_args(hint)):
        for found in getattr(annotated, "__metadata__", ()):
            if isinstance(found, Rule | Described):
                return found
    return None


def _refs(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(name := schema.get("$ref"), str):
            yield name.removeprefix(_PREFIX)
        for part in schema.values():
            yield from _refs(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _refs(part)
