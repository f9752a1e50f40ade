"""`make verify-audit [SUFFIX=...] [FROM=...] [TO=...] [APPLY=yes]`: is the audit trail complete?

The function `audit-verifier-<suffix>` compares the ledger, the record of sent batches and the
bucket. This program calls it until the whole range is verified, and prints each discrepancy. It
changes nothing, unless APPLY=yes is given: then it sends what is missing again, through the schema
migrator, the only function that is the database's administrator. Safe to interrupt and to repeat.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from infra.component_names import AUDIT_VERIFIER
from lambda_src.audit_verifier.report import Repair
from lambda_src.schema_migrator.settings import send_again_event
from operations.account import NoSuffix, open_session, required
from operations.function_call import PATIENCE, CallFailed, call
from operations.time_range import BadTimeRange, parse_time_range

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_ATTEMPTS: Final = 3  # of a call of the verifier, which only reads
RUNBOOK: Final = "docs/runbooks/audit-discrepancies.md"


@dataclass(kw_only=True)
class Findings:
    """What was verified so far."""

    checked: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    repairable: int = 0
    discrepancies: int = 0
    not_listed: int = 0

    def add(self, answer: Mapping[str, Any]) -> None:
        listed = answer["discrepancies"]
        self.checked.update(answer["checked"])
        self.discrepancies += answer["discrepancy_count"]
        self.not_listed += answer["discrepancy_count"] - len(listed)
        self.kinds.update(d["kind"] for d in listed)
        self.repairable += sum(d["repair"] is not None for d in listed)

    def counts(self) -> str:
        return ", ".join(
            f"{self.checked[what]:,} {what}" for what in ("transactions", "batches", "objects")
        )


class AuditTrail:
    """The audit trail of one environment."""

    def __init__(self, lambda_: "LambdaClient", *, suffix: str) -> None:
        self._lambda = lambda_
        self._suffix = suffix
        self.found = Findings()

    def verify(self, *, start: str | None, end: str | None, apply: bool) -> None:
        """Verify all of the range and print what is found. Raises CallFailed."""
        event: dict[str, Any] = {"from": start, "to": end, "cursor": None}
        while True:
            answer = call(
                self._lambda,
                function=f"{AUDIT_VERIFIER}-{self._suffix}",
                event=event,
                expected="discrepancy_count",
                attempts=_ATTEMPTS,
            )
            self.found.add(answer)
            for discrepancy in answer["discrepancies"]:
                print("{kind} {subject} {id}: {detail}".format_map(discrepancy))
            if apply:
                self._send_again(answer["discrepancies"])
            if answer["cursor"] is None:
                return
            print(f"so far: {self.found.counts()}", flush=True)
            event = {name: answer[name] for name in ("from", "to", "cursor")}

    def _send_again(self, discrepancies: Sequence[Mapping[str, Any]]) -> None:
        ids = {
            repair: sorted({d["id"] for d in discrepancies if d["repair"] == repair})
            for repair in Repair
        }
        if not any(ids.values()):
            return
        answer = call(
            self._lambda,
            function=f"schema-migrator-{self._suffix}",
            event=send_again_event(
                batch_ids=ids[Repair.SEND_BATCH], transaction_ids=ids[Repair.SEAL_TRANSACTION]
            ),
            expected="batches",
        )
        print(
            f"will be sent again: {answer['batches']} of {len(ids[Repair.SEND_BATCH])} batches, "
            f"{answer['transactions']} of {len(ids[Repair.SEAL_TRANSACTION])} transactions "
            "(others wait already, or are older than the record)"
        )


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment is not None else None


def conclude(found: Findings, *, apply: bool) -> int:
    """Print the result and what to do. Returns the exit code."""
    if not found.discrepancies:
        print(f"consistent: {found.counts()}")
        return 0
    print(f"{found.discrepancies} discrepancies in {found.counts()}")
    if found.not_listed and apply:
        print(f"{found.not_listed} of them are not listed: run it again")
    elif found.not_listed:
        print(f"{found.not_listed} of them are not listed: verify a shorter range (FROM=, TO=)")
    if found.repairable and not apply:
        print(f"APPLY=yes sends what is missing again: {found.repairable} of those above")
    elif found.repairable:
        print("wait some minutes, then verify again: until it is stored it is named again")
    others = found.kinds.total() - found.repairable
    if others:
        print(f"{others} must be looked at by a person: {RUNBOOK}")
    return 0 if apply and not others and not found.not_listed else 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make verify-audit", description=__doc__)
    parser.add_argument("--suffix", default="")
    parser.add_argument("--from", dest="start", default="", help="default: the oldest")
    parser.add_argument("--to", dest="end", default="", help="default: now")
    parser.add_argument("--apply", action="store_true", help="send what is missing again")
    chosen = parser.parse_args(arguments)
    try:
        start, end = map(_text, parse_time_range(chosen.start, chosen.end))
        lambda_ = open_session().client("lambda", config=PATIENCE)
        trail = AuditTrail(lambda_, suffix=required(chosen.suffix))
        trail.verify(start=start, end=end, apply=chosen.apply)
    except KeyboardInterrupt:
        print("\ninterrupted; what was sent again is sent: run this again", file=sys.stderr)
        return 130
    except (NoSuffix, BadTimeRange, CallFailed, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return conclude(trail.found, apply=chosen.apply)


if __name__ == "__main__":
    sys.exit(main())
