"""GET /health/live, /health/ready and /version."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app_service.api import answers
from app_service.api.authentication import with_session_or_client
from app_service.api.bodies import json_response
from app_service.api.services import services_of
from app_service.settings import LIVE_PATH


async def live(_request: Request) -> Response:
    """Checks no dependency: the load balancer uses it, and a failover must not stop every task."""
    return json_response(answers.Live())


async def ready(request: Request) -> Response:
    neighbours = await services_of(request).health.neighbours()
    missing = [name for name, ok in neighbours.items() if not ok]
    return json_response(
        answers.Ready(
            status="not_ready" if missing else "ready",
            missing=missing,
            neighbours={name: "ok" if ok else "missing" for name, ok in neighbours.items()},
        ),
        status=503 if missing else 200,
    )


async def version(request: Request) -> Response:
    services = services_of(request)
    return json_response(
        answers.Version(version=services.version, environment_suffix=services.environment_suffix)
    )


ROUTES = [
    Route(LIVE_PATH, live, methods=["GET"]),
    Route("/health/ready", ready, methods=["GET"]),
    Route("/version", with_session_or_client(version), methods=["GET"]),
]
