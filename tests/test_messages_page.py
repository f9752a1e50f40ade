"""docs/messages.md is what senders follow: its examples and words are those of the code."""

import json
import re
from pathlib import Path

from app_service.ledger.domain import CALL_MAX
from app_service.ledger.fields import required_fields_of
from app_service.ledger.queue_messages import SEND_BYTES_MAX
from app_service.ledger.transaction import COLUMNS, Transaction
from app_service.ledger.verdict import REFUSALS
from infra.queues import AUDIT, RECEIVES_MAX, TRANSACTIONS
from lambda_src.audit_writer.batch import PostedBatch
from lambda_src.transaction_processor.renewal import FIRST_SENT_AT
from lambda_src.transaction_processor.worker import _DONE, _WRONG, parse_transaction

PAGE = (Path(__file__).parent.parent / "docs" / "messages.md").read_text()
SUBMITTED, POSTED = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def fields_listed(section: str, *, rule: str = "") -> set[str]:
    """The names in the table of fields of a section whose rule begins with `rule`."""
    text = PAGE.partition(f"## `{section}`")[2].partition("\n## ")[0]
    table = text.partition("| field |")[2].partition("\n\n")[0]
    return set(re.findall(rf"^\| `(\w+)` \| \w+ \| {rule}", table, re.MULTILINE))


def test_the_page_lists_the_fields_of_a_submission_and_which_are_optional() -> None:
    parse_transaction(SUBMITTED)
    required = {"type", "version", "transaction"} | required_fields_of(Transaction)
    assert fields_listed("transaction.submitted") == required | {*COLUMNS}
    assert fields_listed("transaction.submitted", rule="optional") == {*COLUMNS} - required


def test_the_batch_is_one_that_the_audit_writer_takes() -> None:
    batch = PostedBatch.parse(POSTED)
    assert f"audit/<yyyy>/<mm>/<dd>/<batch_id>{batch.key.partition(str(batch.batch_id))[2]}" in PAGE
    for posted in batch.transactions:
        Transaction.parse({k: v for k, v in posted.items() if k != "posted_at"})
    envelope = {*json.loads(POSTED)} - {"type", "version"}
    assert fields_listed("transactions.posted") == envelope


def test_every_verdict_of_the_ledger_is_explained() -> None:
    assert {v for v in _DONE | REFUSALS | _WRONG if f"`{v}`" not in PAGE} == set()


def test_names_and_limits_are_those_of_the_code() -> None:
    for names in (TRANSACTIONS, AUDIT):
        assert f"`{names.queue}-<suffix>`" in PAGE
        assert f"`{names.dead_letters}-<suffix>`" in PAGE
    assert f"`{FIRST_SENT_AT}`" in PAGE
    assert f"{SEND_BYTES_MAX:,} bytes" in PAGE
    assert f"1 to {CALL_MAX} objects" in PAGE
    assert f"after {RECEIVES_MAX} receives" in PAGE
