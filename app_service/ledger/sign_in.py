"""The page for a browser whose user has cancelled the prompt for user name and password."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from app_service.ledger.pages import page, page_response

_PAGE = page(
    title="Sign in to read this page",
    body="<p>Reload it, and enter the id (user name) and the secret (password) of a client of "
    "the API in the prompt of the browser. Those of the first client are in the secret that the "
    "output <code>ApiCredentialsSecretName</code> of the environment's stack names; on a local "
    "cloud <code>make api-client</code> prints them.</p>"
    "<p>Without a browser, use a session: <code>POST /sessions</code> with the same id "
    "and secret opens one, and its token goes into each request:</p>"
    "<pre>Authorization: Bearer &lt;token&gt;</pre>",
)


def is_from_a_browser(request: Request) -> bool:
    """Browsers accept HTML by name; other clients get a problem document."""
    return "text/html" in request.headers.get("accept", "")


def sign_in_page(*, headers: Mapping[str, str]) -> Response:
    return page_response(_PAGE, status=401, headers=headers)
