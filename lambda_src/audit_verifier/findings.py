"""Collects discrepancies: all are counted, the first ones are listed."""

from lambda_src.audit_verifier.report import (
    DISCREPANCIES_MAX,
    Discrepancy,
    Kind,
    Repair,
    Subject,
)


class Findings:
    def __init__(self) -> None:
        self.count = 0
        self.listed: list[Discrepancy] = []

    def add(
        self, kind: Kind, subject: Subject, name: str, detail: str, *, repair: Repair | None = None
    ) -> None:
        self.count += 1
        if len(self.listed) < DISCREPANCIES_MAX:
            self.listed.append(
                Discrepancy(kind=kind, subject=subject, id=name, detail=detail, repair=repair)
            )
