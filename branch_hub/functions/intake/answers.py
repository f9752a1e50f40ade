"""What the function URL answers: problems as RFC 9457 has them."""

import json
from typing import Any

_TITLES = {
    400: "Malformed request",
    401: "Signature missing or wrong",
    403: "Another repository",
    405: "Method not allowed",
    413: "Body too large",
    500: "Not delivered",
}


def accepted(status: int, message: str) -> dict[str, Any]:
    return _answer(status, "application/json", {"message": message})


def problem(status: int, detail: str) -> dict[str, Any]:
    """`detail` is for the sender: it says what to do, and nothing that it does not know."""
    body = {"type": "about:blank", "title": _TITLES[status], "status": status, "detail": detail}
    return _answer(status, "application/problem+json", body)


def _answer(status: int, content_type: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": content_type, "Cache-Control": "no-store"},
        "body": json.dumps(body),
    }
