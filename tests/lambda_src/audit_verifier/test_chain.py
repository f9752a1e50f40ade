"""The chain in whatever order its links come, in memory that does not grow with it."""

import json
from itertools import permutations

import pytest

from lambda_src.audit_verifier import chain
from lambda_src.audit_verifier.chain import ChainWalk, Link, report_missing
from lambda_src.audit_verifier.findings import Findings
from lambda_src.shared.audit_objects import FIRST_PREVIOUS_HASH

METADATA = {
    "chain-number": str(2**63 - 1),
    "chain-previous-hash": "a",
    "chain-records-hash": "b",
    "chain-hash": "c",
}


def link(number: int, *, previous: str | None = None, text: str | None = None) -> Link:
    before = FIRST_PREVIOUS_HASH if number == 1 else f"hash {number - 1}"
    return Link(
        number=number,
        previous_hash=previous or before,
        records_hash="",
        hash=text or f"hash {number}",
    )


def walked(*links: Link) -> tuple[ChainWalk, Findings]:
    walk, findings = ChainWalk(), Findings()
    for each in links:
        # As between two calls.
        walk = ChainWalk.of_json(json.loads(json.dumps(walk.to_json())))
        walk.add(each, holder=f"batch {each.number}", findings=findings)
    return walk, findings


def found(findings: Findings) -> list[tuple[str, str]]:
    return [(each.kind.value, each.id) for each in findings.listed]


def test_a_whole_chain_is_whole_in_every_order() -> None:
    for order in permutations([3, 4, 5, 6]):
        walk, findings = walked(*(link(number) for number in order))
        assert findings.count == 0, order
        assert walk.missing(head=6, is_from_the_first=False) == [], order


def test_a_broken_link_is_found_in_every_order() -> None:
    broken = {3: link(3), 4: link(4), 5: link(5, previous="other"), 6: link(6)}
    for order in permutations(broken):
        _, findings = walked(*(broken[number] for number in order))
        assert found(findings) == [("altered", "5")], order


def test_the_first_batch_has_none_before_it() -> None:
    _, findings = walked(link(1, previous="hash 0"))
    assert found(findings) == [("altered", "1")]


def test_what_does_not_come_is_missing() -> None:
    walk, findings = walked(link(3), link(6), link(8))
    assert walk.missing(head=None, is_from_the_first=False) == [range(4, 6), range(7, 8)]
    assert walk.missing(head=10, is_from_the_first=True) == [
        range(1, 3), range(4, 6), range(7, 8), range(9, 11),
    ]  # fmt: skip
    assert ChainWalk().missing(head=2, is_from_the_first=True) == [range(1, 3)]
    assert findings.count == 0


def test_a_number_that_comes_twice_is_altered() -> None:
    _, findings = walked(link(3), link(4), link(3, text="other"))
    assert found(findings) == [("altered", "3")]


def test_a_number_far_away_hides_no_other() -> None:
    """A forged object can have any."""
    walk, findings = walked(link(1), link(2**63 - 1), link(3), link(2))
    assert findings.count == 0
    assert walk.missing(head=4, is_from_the_first=True) == [range(4, 2**63 - 1)]


def test_only_so_many_gaps_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "_SPANS_MAX", 2)
    walk, findings = walked(*(link(number) for number in (1, 3, 5, 7, 6, 2, 4)))
    assert found(findings) == [("altered", "7")]
    assert walk.spans == [[1, 6]]


def test_without_a_batch_in_the_window_only_the_newest_number_is_looked_for() -> None:
    assert ChainWalk().missing(head=9, is_from_the_first=False) == [range(9, 10)]
    assert ChainWalk().missing(head=0, is_from_the_first=True) == []
    assert ChainWalk().missing(head=None, is_from_the_first=True) == []


def test_a_chain_of_any_length_is_held_as_its_end() -> None:
    walk, _ = walked(*(link(number) for number in range(1, 200)))
    assert (walk.ends, walk.starts, walk.spans) == ({199: "hash 199"}, {}, [[1, 199]])


def test_numbers_that_were_found_elsewhere_are_not_missing() -> None:
    findings = Findings()
    report_missing(range(3, 10), [3, 4, 7], findings)
    assert found(findings) == [("missing", "5"), ("missing", "8")]
    assert "5 to 6" in findings.listed[0].detail


@pytest.mark.parametrize("number", ["0", "-1", "+1", "01", "1_0", " 1", "x", "\u0663", str(2**63)])
def test_a_number_that_no_batch_can_have_is_no_place_in_the_chain(number: str) -> None:
    assert Link.of_metadata(METADATA) is not None
    assert Link.of_metadata(METADATA | {"chain-number": number}) is None
