"""Which letters fail again if they are sent back.

Every reason that the functions write has its row in docs/runbooks/dead-letters.md.
"""

from typing import Final

_AFTER_A_DEPLOYMENT = "fails again unless a version that accepts it was deployed meanwhile"

# By reason. Letters with another reason, or without one, can succeed.
FAILS_AGAIN: Final = {
    "bad_json": "fails again: the body does not change",
    "unknown_type": _AFTER_A_DEPLOYMENT,
    "unknown_version": _AFTER_A_DEPLOYMENT,
    "invalid_transaction": _AFTER_A_DEPLOYMENT,
    "invalid_batch": _AFTER_A_DEPLOYMENT,
    "conflict": "fails again: its id belongs to another transaction; the sender needs a new id",
    "forbidden": _AFTER_A_DEPLOYMENT,
    "invalid": _AFTER_A_DEPLOYMENT,
    "altered": "fails again as long as its object has other contents: `make verify-audit`",
}
