"""GET /openapi.json for programs, and /docs for people: its page signs in and sends requests."""

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app_service.api.authentication import with_session_or_client
from app_service.api.bodies import json_response
from app_service.api.services import services_of
from app_service.openapi.document import document
from app_service.openapi.viewer_files import FILES, PAGE, load

# Nothing from elsewhere, no code in the page, and no frame around the fields for the secret.
# Swagger UI's stylesheet holds its icons as data.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def openapi(request: Request) -> Response:
    return json_response(document(services_of(request).version))


async def docs(request: Request) -> Response:
    return await _file(request, PAGE)


async def docs_file(request: Request) -> Response:
    name = request.path_params["file"]
    if name not in FILES or name == PAGE:
        raise HTTPException(404)
    return await _file(request, name)


async def _file(request: Request, name: str) -> Response:
    """The file, or 304 if the browser has it: a new version of the service may bring others."""
    file = await run_in_threadpool(load, name)
    headers = {
        **SECURITY_HEADERS,
        "Cache-Control": "no-cache",
        "ETag": file.etag,
        "Vary": "Accept-Encoding",
    }
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(file.compressed, headers=headers, media_type=file.media_type)
    return Response(file.content, headers=headers, media_type=file.media_type)


ROUTES = [
    Route("/openapi.json", with_session_or_client(openapi), methods=["GET"]),
    Route("/docs", docs, methods=["GET"]),
    Route("/docs/{file}", docs_file, methods=["GET"]),
]
