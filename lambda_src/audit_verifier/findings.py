"""Collects discrepancies: all are counted, the first ones are listed."""

from lambda_src.audit_verifier.report import (
    DETAIL_MAX,
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
                Discrepancy(
                    kind=kind,
                    subject=subject,
                    id=name,
                    detail=shortened(detail, DETAIL_MAX),
                    repair=repair,
                )
            )


def shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."
