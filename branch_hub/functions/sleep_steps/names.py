"""Names of those parts of an environment that are stopped while it sleeps.

A test compares them with the template of an environment.
"""

from typing import Final

# Each name ends with a hyphen and the suffix.
ECS_CLUSTER: Final = "transaction-cluster"
SERVICE: Final = "transaction-service"
DATABASE: Final = "transaction-db"
# Of the functions that a queue or a schedule calls, those that need the database.
QUEUE_FUNCTION: Final = "transaction-processor"
RULE: Final = "audit-verification"
