"""S23: what the roles of pipelines and of the hub may do to the records of an environment."""

from typing import Any

import pytest

from tests.delivered import SUFFIX, Delivered
from tests.infra.audit_attempts import CREATES, KEY, ON_BUCKET, ON_RECORDS
from tests.infra.evaluation import callers
from tests.infra.templates import Synthesized


def allowed(stack: Synthesized, suffix: str) -> dict[str, set[str]]:
    """The attempts that succeed by role, on a bucket that has no policy of its own."""
    bucket = f"arn:aws:s3:::transaction-audit-000000000000-{suffix}"
    nothing: dict[str, Any] = {"Statement": []}
    found = {}
    for role, caller in callers(stack).items():
        attempts = {a for a in ON_BUCKET if caller.may(a, bucket, bucket_policy=nothing)}
        attempts |= {
            a
            for a in (*ON_RECORDS, "s3:PutObject")
            if caller.may(a, f"{bucket}/{KEY}", bucket_policy=nothing, context=CREATES)
        }
        if attempts:
            found[role] = attempts
    return found


@pytest.mark.parametrize("suffix", ["staging", "production"])
def test_s23_no_role_of_a_pipeline_or_of_the_hub_changes_records_of_staging_or_production(
    delivered: Delivered, trunk: Delivered, hub: Synthesized, suffix: str
) -> None:
    for stack in (delivered.pipeline, trunk.pipeline, hub):
        assert allowed(stack, suffix) == {}


def test_s23_only_the_teardown_removes_the_records_of_a_branch(
    delivered: Delivered, hub: Synthesized
) -> None:
    """B2: with the bucket, after the branch was deleted; it first removes the bucket's policy."""
    assert allowed(delivered.pipeline, SUFFIX) == {}
    ((role, attempts),) = allowed(hub, SUFFIX).items()
    assert role.startswith("Teardown")
    assert attempts == {"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteBucketPolicy"}
