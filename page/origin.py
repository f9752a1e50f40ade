"""Whether the page itself, or the person, asks; or a document of another site.

A link of another site may lead to the page, but must not start what only a person may ask for: a
call of a function, or reading dead letters, which hides them for a moment.

Source: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
"""

from typing import Final

from starlette.datastructures import Headers

_OWN: Final = frozenset({"same-origin", "none"})  # none: the person typed the address


def is_own(headers: Headers) -> bool:
    """Old browsers and programs send no header Sec-Fetch-Site: theirs count as own requests."""
    return headers.get("sec-fetch-site", "none") in _OWN
