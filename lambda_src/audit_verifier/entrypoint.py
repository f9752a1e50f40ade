"""Stub until the verifier's core is merged."""

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    raise NotImplementedError(event, context)
