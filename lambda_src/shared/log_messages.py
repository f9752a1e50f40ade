"""Messages of log lines by which programs find them."""

from typing import Final

BATCH_POSTED: Final = "batch posted"
OUTCOMES_SENT: Final = "outcomes sent"
BATCH_ARCHIVED: Final = "batch archived"
