"""JSON that arrives from outside: one reader for the API and for the messages of the queues.

Readers of JSON disagree about a key that comes twice, about NaN and about numbers that no double
holds (RFC 8259, sections 4 and 6). PostgreSQL stores neither a NUL character nor half a surrogate
pair. A document with one of these is refused: what one reader checks, another one must not change.

Standard library only: functions bundle it.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

NESTING_MAX = 32  # levels of objects and lists
_DIGITS_MAX = 308  # a double holds no longer integer
_SHOWN_MAX = 40  # characters of a key in an error message
_NOT_STORED = re.compile("[\0\ud800-\udfff]")
_NOT_STORED_TEXT = "a NUL character or half a surrogate pair"

_Container = dict[str, object] | list[object]
_Path = tuple[str | int, ...]  # the keys and indexes that lead to a value


class InvalidJson(Exception):
    """The ledger does not read this text as JSON. The message says why and where."""


class _Refused(Exception):
    """A value whose syntax is correct and which is refused."""


def read_document(body: bytes) -> object:
    """The decoded document. Raises InvalidJson."""
    try:
        text = body.decode()
        try:
            document = _STRICT.decode(text)
            # NUL characters and halves of a pair arrive only as escapes.
            is_suspect = "\\u" in text or (_may_be_deep(text) and _is_deep(document))
        except _Refused:  # the first reader does not know the place
            document, is_suspect = _LOCATING.decode(text), True
    except RecursionError:
        raise InvalidJson(_too_deep()) from None
    except ValueError as error:  # not UTF-8, or not the syntax of JSON
        raise InvalidJson(str(error)) from None
    fault = next(_faults(document), None) if is_suspect else None
    if fault is not None:
        raise InvalidJson(fault)
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(repeated, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise _Refused(f"key {_shown(repeated)} comes twice")
    return found


def _integer(text: str) -> int:
    if len(text) > _DIGITS_MAX:
        raise _Refused(f"a number of {len(text)} digits, at most {_DIGITS_MAX} are read")
    return int(text)


def _fraction(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _Refused("a number that is too large for a double")
    return value


def _constant(name: str) -> object:
    raise _Refused(f"{name} is not JSON")


def _kept(hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same hook, but what it raises takes the place of the value."""

    def keep(found: Any) -> Any:
        try:
            return hook(found)
        except _Refused as refused:
            return refused

    return keep


_STRICT = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_constant,
)
_LOCATING = json.JSONDecoder(
    object_pairs_hook=_kept(_object),
    parse_int=_kept(_integer),
    parse_float=_kept(_fraction),
    parse_constant=_kept(_constant),
)


def _may_be_deep(text: str) -> bool:
    return text.count("{") + text.count("[") > NESTING_MAX


def _is_deep(document: object) -> bool:
    level = _containers_in([document])
    for _ in range(NESTING_MAX):
        level = [inner for outer in level for inner in _containers_in(_values_of(outer))]
    return bool(level)


def _containers_in(values: Iterable[object]) -> list[_Container]:
    return [value for value in values if isinstance(value, (dict, list))]


def _values_of(container: _Container) -> Iterable[object]:
    return container.values() if isinstance(container, dict) else container


def _faults(document: object) -> Iterator[str]:
    """What is refused and where, in the order of the document. Not recursive: it may be deep."""
    waiting: list[tuple[object, _Path]] = [(document, ())]
    while waiting:
        value, path = waiting.pop()
        if isinstance(value, _Refused):
            yield f"{value}{_place(path)}"
        elif isinstance(value, str) and _NOT_STORED.search(value):
            yield f"{_NOT_STORED_TEXT} in a string{_place(path)}"
        elif isinstance(value, (dict, list)):
            if len(path) >= NESTING_MAX:
                yield f"{_too_deep()}{_place(path)}"
            elif isinstance(value, dict):
                for key in filter(_NOT_STORED.search, value):
                    yield f"{_NOT_STORED_TEXT} in key {_shown(key)}{_place(path)}"
                waiting += [(value[key], (*path, key)) for key in reversed(value)]
            else:
                waiting += [(value[i], (*path, i)) for i in reversed(range(len(value)))]


def _place(path: _Path) -> str:
    """` at transactions[3].metadata`, or nothing for the document itself."""
    text = "".join(
        f"[{step}]"
        if isinstance(step, int)
        else f".{step}"
        if step.isidentifier() and len(step) <= _SHOWN_MAX
        else f"[{_shown(step)}]"
        for step in path
    )
    return f" at {text.removeprefix('.')}" if path else ""


def _shown(key: str) -> str:
    return ascii(key[:_SHOWN_MAX])


def _too_deep() -> str:
    return f"objects and lists are nested more than {NESTING_MAX} deep"
