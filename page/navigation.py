"""The links at the top of every page."""

from typing import Final

# By address: the text.
NAVIGATION: Final = {
    "/": "Branches and runs",
    "/trace": "Follow a transaction",
    "/plots": "Plots",
    "/architecture": "Architecture",
    "/commands": "Commands",
}
