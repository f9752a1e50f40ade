"""Types of values in answers whose limits or format the Python type does not say.

Standard library only: the transaction processor bundles it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from app_service.ledger.fields import MAX_INTEGER


@dataclass(frozen=True, kw_only=True, eq=False)  # by identity: annotations are hashed
class Described:
    """The JSON schema of a value that the service answers."""

    schema: Mapping[str, Any]


# Money in minor units: every JSON reader keeps it exactly.
Balance = Annotated[
    int, Described(schema={"type": "integer", "minimum": -MAX_INTEGER, "maximum": MAX_INTEGER})
]
Count = Annotated[int, Described(schema={"type": "integer", "minimum": 0, "maximum": MAX_INTEGER})]
Moment = Annotated[str, Described(schema={"type": "string", "format": "date-time"})]
