"""Messages of log lines by which programs find them."""

from typing import Final

REQUEST_ANSWERED: Final = "request answered"
BATCH_SENT: Final = "batch sent"  # one line for a batch, not for a transaction
