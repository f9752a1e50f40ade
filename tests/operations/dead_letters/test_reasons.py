"""The runbook says what to do about every reason that a function writes."""

import re
from collections.abc import Iterator
from pathlib import Path

from lambda_src.transaction_processor.posting import COMES_AGAIN
from lambda_src.transaction_processor.worker import _WRONG
from operations.dead_letters.letter import RECEIVED_TOO_OFTEN
from operations.dead_letters.reasons import FAILS_AGAIN

ROOT = Path(__file__).resolve().parents[3]
RUNBOOK = (ROOT / "docs" / "runbooks" / "dead-letters.md").read_text()
# By folder of lambda_src: the queue whose letters have the reasons that are written there.
QUEUE_OF = {"shared": "both", "transaction_processor": "transaction", "audit_writer": "audit"}
# Their cause may be gone, without another version of a function.
CAN_SUCCEED = {RECEIVED_TOO_OFTEN, *COMES_AGAIN, "refused_by_s3"}
WRITTEN = re.compile(r'(?:Unprocessable|_NeverStored|letters\.append\(\(message,)[( ]\s*f?"(\w+):')


def rows() -> dict[str, str]:
    """{reason: queue} of the runbook's table."""
    found: dict[str, str] = {}
    for line in RUNBOOK.splitlines():
        if line.startswith("| `"):
            _, reasons, queue, *_ = (cell.strip() for cell in line.split("|"))
            found |= dict.fromkeys(re.findall(r"`(\w+)`", reasons), queue)
    return found


def written() -> Iterator[tuple[str, str]]:
    for folder, queue in QUEUE_OF.items():
        for file in (ROOT / "lambda_src" / folder).rglob("*.py"):
            for reason in WRITTEN.findall(file.read_text()):
                yield reason, queue
    for verdict in (*_WRONG, *COMES_AGAIN):
        yield str(verdict), "transaction"


def test_s43_the_runbook_has_every_reason_with_its_queue_and_no_other() -> None:
    assert rows() == {**dict(written()), RECEIVED_TOO_OFTEN: "both"}


def test_s43_whether_a_letter_fails_again_is_known_for_every_reason() -> None:
    assert FAILS_AGAIN.keys() == rows().keys() - CAN_SUCCEED
