"""Events about branches: one shape, checked by every reader."""

from datetime import UTC, datetime
from typing import Any

import pytest

from branch_hub.events import BranchEvent, InvalidEvent, Reason
from lambda_src.shared.branch_suffix import suffix_of_branch

NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
PUSHED = BranchEvent.of_branch(
    event_id="e1",
    repository="acme/app",
    branch="feature/a",
    reason=Reason.PUSHED,
    occurred_at=NOW,
    commit="c0ffee",
)


def changed(**fields: Any) -> dict[str, Any]:
    return {**PUSHED.to_detail(), **fields}


def test_s8_an_event_is_unchanged_after_writing_and_reading() -> None:
    detail = PUSHED.to_detail()

    assert detail["occurred_at"] == "2026-11-22T03:00:00Z"
    assert BranchEvent.parse(detail) == PUSHED


@pytest.mark.parametrize(
    ("reason", "detail_type"),
    [
        (Reason.PUSHED, "Branch Pushed"),
        (Reason.DELETED, "Branch Deleted"),
        (Reason.EXPIRED, "Environment Expired"),
        (Reason.ORPHANED, "Environment Orphaned"),
    ],
)
def test_s8_a_rule_on_the_bus_matches_each_reason(reason: Reason, detail_type: str) -> None:
    assert BranchEvent.parse(changed(reason=reason.value)).detail_type == detail_type


def test_b2_an_orphan_needs_no_branch() -> None:
    assert BranchEvent.parse(changed(branch=None, reason="orphaned")).branch is None


def test_b4_a_suffix_that_is_not_its_branchs_is_refused() -> None:
    with pytest.raises(InvalidEvent, match=r"'feature-b-.*branch 'feature/a' has 'feature-a-"):
        BranchEvent.parse(changed(suffix=suffix_of_branch("feature-b")))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"suffix": "production"}, "suffix is 'production': it must be that of a branch"),
        ({"suffix": "dev"}, "suffix is 'dev'"),
        ({"branch": None}, "only an orphan has none"),
        ({"branch": 7}, "branch is '7': a text is needed"),
        ({"event_id": ""}, "event_id is '': a text is needed"),
        ({"repository": None}, "repository is 'None'"),
        ({"reason": "bored"}, "reason is 'bored': it must be one of pushed, deleted"),
        ({"occurred_at": "yesterday"}, "occurred_at: "),
        ({"occurred_at": "2026-11-22T03:00:00+01:00"}, "is not in UTC"),
    ],
)
def test_s8_a_field_of_another_shape_is_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidEvent, match=message):
        BranchEvent.parse(changed(**fields))


@pytest.mark.parametrize("branch", ["a" * 256, "a\x07b", "a\udcffb"])
def test_s8_a_branch_that_can_have_no_pipeline_gives_no_event(branch: str) -> None:
    with pytest.raises(InvalidEvent, match="at most 255 printable characters"):
        BranchEvent.of_branch(
            event_id="e", repository="r", branch=branch, reason=Reason.PUSHED, occurred_at=NOW
        )
