"""The HTTP application: all routes; errors are problem documents."""

from starlette.applications import Starlette

from app_service.api import (
    account_reading_routes,
    account_routes,
    account_state_routes,
    health_routes,
    session_routes,
    transaction_reading_routes,
    transaction_routes,
)
from app_service.api.problems import EXCEPTION_HANDLERS
from app_service.api.services import Services
from app_service.openapi import docs_routes

ROUTES = [
    *transaction_routes.ROUTES,  # first: they get most requests, and routes are matched in order
    *health_routes.ROUTES,
    *account_routes.ROUTES,
    *account_reading_routes.ROUTES,
    *account_state_routes.ROUTES,
    *transaction_reading_routes.ROUTES,
    *session_routes.ROUTES,
    *docs_routes.ROUTES,
]


def make_app(services: Services) -> Starlette:
    app = Starlette(routes=ROUTES, exception_handlers=EXCEPTION_HANDLERS)
    app.router.redirect_slashes = False  # a redirect would drop a client's POST body
    app.state.services = services
    return app
