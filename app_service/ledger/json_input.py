"""JSON that arrives from outside: one reader for the API and for the messages of the queues.

Readers of JSON disagree about a key that comes twice, about NaN and about numbers beyond a double
(RFC 8259, sections 4 and 6). PostgreSQL stores neither a NUL character nor half a surrogate
pair. A document with one of these is refused: what one reader checks, another one must not change.

Standard library only: functions bundle it.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

NESTING_MAX = 32  # levels of objects and lists
_SHOWN_MAX = 40  # characters of a key in an error message
_NOT_STORED = re.compile("[\0\ud800-\udfff]")
_NOT_STORED_TEXT = "a NUL character or half a surrogate pair"

_Path = tuple[str | int, ...]  # the keys and indexes that lead to a value


class InvalidJson(Exception):
    """The ledger does not read this text as JSON. The message says why and where."""


class _Refused(ValueError):
    """A value whose syntax is correct and which is refused."""


def read_document(body: bytes) -> object:
    """The decoded document. Raises InvalidJson."""
    try:
        text = body.decode()
        try:
            document = _STRICT.decode(text)
            # NUL characters and halves of a pair arrive only as escapes.
            is_suspect = "\\u" in text or (_may_be_deep(text) and _is_deep(document))
        except ValueError:  # read again: the first reader does not know the place
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
    try:
        return int(text)
    except ValueError:  # Python's limit (4300 digits): the time grows with their square
        raise _Refused(f"a number of {len(text)} digits") from None


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
    level: list[Any] = [document] if isinstance(document, (dict, list)) else []
    for _ in range(NESTING_MAX):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
    return bool(level)


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
