"""The methods of a path, for the header Allow."""

from starlette.requests import Request
from starlette.routing import Route


def allowed_methods(request: Request) -> str:
    """Of every route of the path: Starlette names only those of the first."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    path = request.scope["path"]
    # A later route may match the same words with a parameter: that is another path.
    found = next(route.path for route in routes if route.path_regex.match(path))
    methods = {method for route in routes if route.path == found for method in route.methods or ()}
    return ", ".join(sorted(methods))
