"""The methods of a path, for the header Allow."""

from starlette.requests import Request
from starlette.routing import Route


def allowed_methods(request: Request) -> str:
    """Of all routes of the path: Starlette names only those of the first."""
    path = request.scope["path"]
    methods = {
        method
        for route in request.app.routes
        if isinstance(route, Route) and route.path_regex.match(path)
        for method in route.methods or ()
    }
    return ", ".join(sorted(methods))
