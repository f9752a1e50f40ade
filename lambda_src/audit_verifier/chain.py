"""The chain of sealed batches: numbers without a gap, each with the hash of the one before."""

import re
from bisect import bisect_right
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from typing import Any

from lambda_src.audit_verifier.findings import Findings
from lambda_src.audit_verifier.report import Kind, Subject
from lambda_src.shared import audit_objects

_SPANS_MAX = 5_000  # gaps that are held
_NUMBER = re.compile("[1-9][0-9]{0,18}")
_NUMBER_MAX = 2**63 - 1  # a bigint


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """The place of one batch in the chain."""

    number: int
    previous_hash: str
    records_hash: str
    hash: str

    @classmethod
    def of_metadata(cls, metadata: Mapping[str, str]) -> "Link | None":
        """Of an object; None if it has none, not all of it, or a number that is none."""
        try:
            number = metadata[audit_objects.NUMBER]
            if not _NUMBER.fullmatch(number) or int(number) > _NUMBER_MAX:
                return None
            return cls(
                number=int(number),
                previous_hash=metadata[audit_objects.PREVIOUS_HASH],
                records_hash=metadata[audit_objects.RECORDS_HASH],
                hash=metadata[audit_objects.BATCH_HASH],
            )
        except KeyError:
            return None

    def hash_of(self, *, batch_id: str, posted_at: str) -> str:
        """What `hash` must be."""
        return audit_objects.batch_hash(
            previous_hash=self.previous_hash,
            number=self.number,
            batch_id=batch_id,
            posted_at=posted_at,
            records_hash=self.records_hash,
        )


@dataclass(kw_only=True)
class ChainWalk:
    """Takes links nearly in their order; holds those whose neighbour has not come yet."""

    # What the database has recorded of the newest batch, if the walk goes up to it.
    head: int = 0
    head_hash: str = ""
    # First and last of numbers that came without a gap; in order. One far number hides no other.
    spans: list[list[int]] = field(default_factory=list)
    ends: dict[int, str] = field(default_factory=dict)  # number: its hash, for the next one
    starts: dict[int, str] = field(default_factory=dict)  # number: the hash that it names

    @classmethod
    def of_json(cls, state: Mapping[str, Any]) -> "ChainWalk":
        return cls(
            head=state["head"],
            head_hash=state["head_hash"],
            spans=[list(span) for span in state["spans"]],
            ends={int(number): text for number, text in state["ends"].items()},
            starts={int(number): text for number, text in state["starts"].items()},
        )

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))

    def has(self, number: int) -> bool:
        place = bisect_right(self.spans, number, key=itemgetter(0))
        return place > 0 and number <= self.spans[place - 1][1]

    def add(self, link: Link, *, holder: str, findings: Findings) -> None:
        """`holder` is the batch or object that has the link."""
        if self.has(link.number):
            findings.add(
                Kind.ALTERED,
                Subject.CHAIN,
                str(link.number),
                f"two batches have this number; the second is {holder}",
            )
            return
        if link.number == self.head and link.hash != self.head_hash:
            findings.add(
                Kind.ALTERED,
                Subject.CHAIN,
                str(link.number),
                "the hash of this number is not the one that the chain's head has",
            )
        if not self._extend(link.number):
            findings.add(
                Kind.ALTERED,
                Subject.CHAIN,
                str(link.number),
                f"{holder} has this number; its neighbours are looked for no more, because more "
                f"than {_SPANS_MAX} gaps were found",
            )
            return
        end_before = self.ends.pop(link.number - 1, None)
        if link.number == 1:
            end_before = audit_objects.FIRST_PREVIOUS_HASH
        if end_before is None:
            self.starts[link.number] = link.previous_hash
        elif end_before != link.previous_hash:
            _report_broken(link.number, findings)
        start_after = self.starts.pop(link.number + 1, None)
        if start_after is None:
            self.ends[link.number] = link.hash
        elif start_after != link.hash:
            _report_broken(link.number + 1, findings)

    def missing(self, *, head: int | None, is_from_the_first: bool) -> list[range]:
        """Ranges of numbers that did not come, up to the number `head` if there is one."""
        if not self.spans:  # without the first: what was sealed before the window is not looked for
            return [range(1 if is_from_the_first else head, head + 1)] if head else []
        numbers = [range(one[1] + 1, next_[0]) for one, next_ in pairwise(self.spans)]
        lowest, highest = self.spans[0][0], self.spans[-1][1]
        if is_from_the_first and lowest > 1:
            numbers.insert(0, range(1, lowest))
        if head is not None and head > highest:
            numbers.append(range(highest + 1, head + 1))
        return numbers

    def _extend(self, number: int) -> bool:
        """False if this would be one span too many."""
        place = bisect_right(self.spans, number, key=itemgetter(0))
        before = self.spans[place - 1] if place > 0 else [0, -1]
        after = self.spans[place] if place < len(self.spans) else [0, -1]
        if before[1] == number - 1 and after[0] == number + 1:
            before[1] = after[1]
            del self.spans[place]
        elif before[1] == number - 1:
            before[1] = number
        elif after[0] == number + 1:
            after[0] = number
        elif len(self.spans) <= _SPANS_MAX:
            self.spans.insert(place, [number, number])
        else:
            return False
        return True


def report_missing(numbers: range, found: Collection[int], findings: Findings) -> None:
    """All of `numbers` that were not `found` elsewhere."""
    first = numbers.start
    for number in sorted({*found, numbers.stop}):
        missing, first = range(first, number), number + 1
        if not missing:
            continue
        detail = "no batch and no object has this number"
        if len(missing) > 1:
            detail = f"no batch and no object has the numbers {missing[0]} to {missing[-1]}"
        findings.add(Kind.MISSING, Subject.CHAIN, str(missing[0]), detail)


def _report_broken(number: int, findings: Findings) -> None:
    findings.add(
        Kind.ALTERED,
        Subject.CHAIN,
        str(number),
        "the previous hash of this number is not the hash of the number before",
    )
