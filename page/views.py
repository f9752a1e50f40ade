"""Pages without cards: plots, pictures, and what is shown when an address leads nowhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from page.readers.pictures import picture_file, plots
from page.settings import PageSettings

_STATIC: Final = Path(__file__).parent / "static"
_HTMX: Final = Path("node_modules/htmx.org/dist/htmx.min.js")


def routes_of_views(
    settings: PageSettings, *, templates: Jinja2Templates
) -> Iterator[Route | Mount]:
    def show_plots(request: Request) -> Response:
        return templates.TemplateResponse(request, "plots.html", {"found": plots(settings)})

    def show_architecture(request: Request) -> Response:
        return templates.TemplateResponse(request, "architecture.html")

    def picture(request: Request) -> Response:
        file = picture_file(settings, **request.path_params)
        if file is None:
            raise HTTPException(404, "there is no such picture")
        return FileResponse(file, media_type="image/svg+xml")

    def htmx(_: Request) -> Response:
        """As package-lock.json pins it: nothing is fetched from elsewhere."""
        return FileResponse(settings.checkout / _HTMX, media_type="text/javascript")

    yield Route("/plots", show_plots)
    yield Route("/architecture", show_architecture)
    yield Route("/pictures/{folder}/{name}", picture)
    yield Route("/static/htmx.js", htmx)
    yield Mount("/static", StaticFiles(directory=_STATIC))
