"""JSON bodies of requests and answers."""

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app_service.api.problems import Problem
from app_service.ledger.json_input import InvalidJson, read_document

SMALL_BODY_BYTES = 16 * 1024
BATCH_BODY_BYTES = 1024 * 1024
_JSON = "application/json"


async def read_json(request: Request, *, bytes_max: int = SMALL_BODY_BYTES) -> object:
    """The decoded body. Raises Problem 415, 413 or 400, and reads no more than `bytes_max`."""
    headers = request.headers
    check_media_type(headers.get("content-type", ""), is_encoded="content-encoding" in headers)
    return decode_json(await _read(request, bytes_max))


def check_media_type(content_type: str, *, is_encoded: bool) -> None:
    """Raises Problem 415."""
    if content_type != _JSON and content_type.partition(";")[0].strip().lower() != _JSON:
        raise Problem(415, "unsupported_media_type", f"Content-Type must be {_JSON}")
    if is_encoded:
        raise Problem(415, "unsupported_media_type", "the body must come without Content-Encoding")


def decode_json(body: bytes) -> object:
    """Raises Problem 400."""
    try:
        return read_document(body)
    except InvalidJson as error:
        detail = f"the body is not JSON in UTF-8 as this service reads it: {error}"
        raise Problem(400, "invalid_json", detail) from None


async def _read(request: Request, bytes_max: int) -> bytes:
    too_large = Problem(413, "body_too_large", f"the body must be at most {bytes_max} bytes")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > bytes_max:
        raise too_large
    parts = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > bytes_max:
                raise too_large
            parts.append(part)
    except ClientDisconnect:  # not an error of the service; nobody receives the answer
        raise Problem(400, "body_incomplete", "the connection ended before the body") from None
    return b"".join(parts)


def json_response(
    document: object, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(
        msgspec.json.encode(document),
        status_code=status,
        headers=headers,
        media_type=_JSON,
    )
