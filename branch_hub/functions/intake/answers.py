"""Answers of the function URL; problems follow RFC 9457."""

import json
from typing import Any

_TITLES = {
    400: "Malformed request",
    401: "Signature missing or wrong",
    403: "Not served here",
    405: "Method not allowed",
    413: "Body too large",
    500: "Not delivered",
}


def accepted(status: int, message: str) -> dict[str, Any]:
    return _answer(status, "application/json", {"message": message})


def problem(status: int, detail: str) -> dict[str, Any]:
    """`detail` tells the sender what to change; it holds nothing that the sender does not know."""
    body = {"type": "about:blank", "title": _TITLES[status], "status": status, "detail": detail}
    return _answer(status, "application/problem+json", body)


def _answer(status: int, content_type: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": content_type, "Cache-Control": "no-store"},
        "body": json.dumps(body),
    }
