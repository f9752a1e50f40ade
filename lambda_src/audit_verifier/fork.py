"""Where the bucket holds another continuation of the chain: after a restore of the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambda_src.audit_verifier.chain import Link
from lambda_src.audit_verifier.findings import Findings
from lambda_src.audit_verifier.ledger import Ledger
from lambda_src.audit_verifier.report import Kind, Subject


@dataclass(kw_only=True)
class Fork:
    """Objects that the ledger does not know and that have a place in a chain."""

    number: int | None = None  # the lowest
    key: str = ""  # of its object
    objects: int = 0
    transactions: int = 0  # in them, that the ledger does not have

    @classmethod
    def of_json(cls, state: Mapping[str, Any]) -> "Fork":
        return cls(**state)

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))

    def add(self, link: Link | None, *, key: str, transactions: int) -> None:
        if link is None:
            return
        if self.number is None or link.number < self.number:
            self.number, self.key = link.number, key
        self.objects += 1
        self.transactions += transactions

    def report(self, ledger: Ledger, *, head: int, findings: Findings) -> None:
        if self.number is None:
            return
        if batch := ledger.batch_of_number(self.number):
            where = f"has batch {batch.batch_id} with this number, too"
        elif self.number > head:
            where = f"has no batch after number {head}"
        else:
            where = "has lost the batch with this number"
        findings.add(
            Kind.UNKNOWN,
            Subject.CHAIN,
            str(self.number),
            f"{self.key} has this number, and the ledger {where}, as after a restore of the "
            f"database; from it on the ledger does not know {self.objects} objects, and does not "
            f"have {self.transactions} of their transactions",
        )
