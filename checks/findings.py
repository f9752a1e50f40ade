"""Findings of scanners in templates, and their comparison with the accepted ones."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from checks.suppressions.suppression import Suppression


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """`rule` is broken at `where`, by `detail` if the rule names details."""

    rule: str
    where: str
    detail: str = ""
    configuration: str = ""
    says: str = field(default="", compare=False)

    def __str__(self) -> str:
        detail = f" [{self.detail}]" if self.detail else ""
        return f"{self.rule}{detail} at {self.where}"


def not_accepted(findings: Iterable[Finding], entries: Iterable[Suppression]) -> list[str]:
    """Return the findings that no entry covers."""
    known = tuple(entries)
    return sorted({str(f) for f in findings if not any(_covers(entry, f) for entry in known)})


def unneeded(findings: Iterable[Finding], entries: Iterable[Suppression]) -> list[str]:
    """Return every rule, place and detail of an entry that matches none of the findings."""
    found = tuple(findings)
    return [part for entry in entries for part in _unneeded_parts(entry, found)]


def _unneeded_parts(entry: Suppression, findings: Iterable[Finding]) -> Iterator[str]:
    matched = [f for f in findings if _covers(entry, f)]
    title = f"{entry.rules[0]} at {entry.where[0]}"
    for rule in entry.rules:
        if not any(f.rule == rule for f in matched):
            yield f"{title}: rule {rule} finds nothing"
    for where in entry.where:
        if not any(_is_within(f.where, where) for f in matched):
            yield f"{title}: nothing is found at {where}"
    for detail in entry.details:
        if not any(re.fullmatch(detail, f.detail) for f in matched):
            yield f"{title}: nothing is found by {detail}"


def _covers(entry: Suppression, finding: Finding) -> bool:
    return (
        finding.rule in entry.rules
        and any(_is_within(finding.where, where) for where in entry.where)
        # Without details an entry is only for rules that have none.
        and any(re.fullmatch(detail, finding.detail) for detail in entry.details or ("",))
    )


def _is_within(place: str, where: str) -> bool:
    parts, wanted = place.split("/"), where.split("/")
    return len(parts) >= len(wanted) and all(
        want in ("*", part) for want, part in zip(wanted, parts, strict=False)
    )
