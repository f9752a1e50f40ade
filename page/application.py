"""The page: its routes, and the rules that the browser is given."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from page.account import Account
from page.actions.guard import Guard, new_token
from page.actions.placing import buttons_of
from page.actions.routes import ActionRoutes
from page.actions.runner import Runner
from page.browser_rules import BrowserRules
from page.card_page import routes_of
from page.pages import CARD_PAGES
from page.readers.identity import account_id
from page.rendering import templates
from page.settings import PageSettings
from page.trace_view import routes_of_trace
from page.views import routes_of_views


def application(
    *, settings: PageSettings, runner: Runner | None = None, account: Account | None = None
) -> Starlette:
    """Reads when it is asked, never before: it starts without an account, too."""
    account = account or Account(settings)
    shown = templates(settings, buttons=buttons_of(account), account_id=lambda: account_id(account))
    token = new_token()
    actions = ActionRoutes(
        account=account,
        runner=runner or Runner(folder=settings.checkout),
        templates=shown,
        token=token,
    )

    async def not_found(request: Request, error: Exception) -> Response:
        detail = getattr(error, "detail", "")
        return shown.TemplateResponse(
            request, "not_found.html", {"detail": detail}, status_code=404
        )

    return Starlette(
        routes=[
            *(r for page in CARD_PAGES for r in routes_of(page, account=account, templates=shown)),
            *actions.routes(),
            *routes_of_trace(account=account, templates=shown),
            *routes_of_views(settings, templates=shown),
        ],
        middleware=[Middleware(BrowserRules), Middleware(Guard, token=token)],
        exception_handlers={404: not_found},
    )
