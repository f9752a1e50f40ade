"""The page: routes, templates and the rules that the browser is given."""

from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from page.account import Account
from page.actions.guard import Guard, new_token
from page.actions.placing import buttons_of
from page.actions.routes import ActionRoutes
from page.actions.runner import Runner
from page.browser_rules import BrowserRules
from page.card_page import routes_of
from page.pages import CARD_PAGES
from page.rendering import templates
from page.settings import PageSettings

_STATIC: Final = Path(__file__).parent / "static"
_HTMX: Final = Path("node_modules/htmx.org/dist/htmx.min.js")


def application(*, settings: PageSettings, runner: Runner | None = None) -> Starlette:
    """Reads when it is asked, never before: it starts without an account, too."""
    account = Account(settings)
    shown = templates(settings, buttons=buttons_of(account))
    token = new_token()
    actions = ActionRoutes(
        account=account,
        runner=runner or Runner(folder=settings.checkout),
        templates=shown,
        token=token,
    )

    def htmx(_: Request) -> Response:
        """As package-lock.json pins it: nothing is fetched from elsewhere."""
        return FileResponse(settings.checkout / _HTMX, media_type="text/javascript")

    async def not_found(request: Request, error: Exception) -> Response:
        detail = getattr(error, "detail", "")
        return shown.TemplateResponse(
            request, "not_found.html", {"detail": detail}, status_code=404
        )

    return Starlette(
        routes=[
            *(r for page in CARD_PAGES for r in routes_of(page, account=account, templates=shown)),
            *actions.routes(),
            Route("/static/htmx.js", htmx),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(BrowserRules), Middleware(Guard, token=token)],
        exception_handlers={404: not_found},
    )
