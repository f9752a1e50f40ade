"""B6: a drain counts only if every transaction is in the audit trail, once and as it was sent."""

from typing import Any

import pytest

from bench.ledger.audit_trail import NotAsSent, check

SENT = [{"transaction_id": f"t{number}", "amount_minor": number} for number in range(3)]


@pytest.mark.parametrize(
    ("records", "found"),
    [
        (SENT[:2], "lacks 1,"),
        ([*SENT, SENT[0]], " 1 more than once"),
        ([*SENT[:2], SENT[2] | {"amount_minor": 7}], " 1 with other contents"),
        ([*SENT, {"transaction_id": "t9"}], " 1 that were not sent"),
    ],
)
def test_b6_a_difference_is_found(records: list[dict[str, Any]], found: str) -> None:
    with pytest.raises(NotAsSent, match=found):
        check(records, SENT)


def test_b6_the_ledger_may_record_more_fields_than_were_sent() -> None:
    check([record | {"posted_at": "now"} for record in reversed(SENT)], SENT)
