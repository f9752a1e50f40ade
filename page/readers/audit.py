"""The last verification of an environment's audit trail, from the verifier's log.

Lines are searched by their text: each trace writes to the same log, in as many streams.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from lambda_src.audit_verifier.settings import DISCREPANCY, VERIFIED
from operations.trace.log_lines import LogReader, Window
from page.account import Account
from page.cards import NotThere, Subject
from page.readers.stacks import environment_stack

_SEARCHED: Final = timedelta(hours=2)  # it runs every hour
_OUTPUT: Final = "AuditVerifierName"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """`moment` is None if the log of the last hours has none."""

    moment: datetime | None = None
    discrepancies: int = 0
    checked: Mapping[str, int] = field(default_factory=dict)


def verification(account: Account, subject: Subject) -> Verification:
    """Raises NotThere if there is no such environment, or its version has no verifier."""
    stack = environment_stack(account, subject["suffix"])
    if _OUTPUT not in stack.outputs:
        raise NotThere(f"The stack {stack.name} has no verifier yet.")
    group = f"/aws/lambda/{stack.outputs[_OUTPUT]}"
    now = datetime.now(UTC)
    window = Window(start=now - _SEARCHED, end=now)
    found = Verification()
    discrepancies = 0
    for line in LogReader(logs=account.logs).lines(group, (DISCREPANCY, VERIFIED), window):
        if line.message == DISCREPANCY:  # written before the line of the same verification's end
            discrepancies = int(line.fields["discrepancies"])
            found = Verification(moment=line.moment, discrepancies=discrepancies)
        elif line.message == VERIFIED:
            checked = {k: v for k, v in line.fields.items() if isinstance(v, int)}
            found = Verification(moment=line.moment, discrepancies=discrepancies, checked=checked)
            discrepancies = 0
    return found
