"""What an environment costs a month, as `make docs` has computed it from the templates."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from page.account import Account

_FILE: Final = Path("docs/cost.json")
_OF_A_BRANCH: Final = "ephemeral"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """US dollars a month, list prices of us-east-1."""

    idle: int
    busy: int  # at 100 transactions a second


def cost_of(account: Account, suffix: str) -> Cost:
    """An environment of the trunk has its kind as its suffix; every other one is a branch's."""

    def read() -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = json.loads(
            (account.settings.checkout / _FILE).read_text()
        )
        return found

    kinds = account.remember("costs", read)
    return Cost(**kinds.get(suffix, kinds[_OF_A_BRANCH]))
