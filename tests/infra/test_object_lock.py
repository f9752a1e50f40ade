"""S23: a setting locks the records for a time. It is off by default: S62 leaves nothing."""

from typing import Any

import pytest

from infra.config import PRODUCTION
from tests.infra.evaluation import callers
from tests.infra.templates import Synthesized
from tests.infra.test_audit_trail_stays import allowed
from tests.infra.test_stores import audit_bucket_id, bucket_statement


@pytest.fixture(scope="module")
def locked() -> Synthesized:
    return Synthesized.environment(
        PRODUCTION.adjusted(
            api_port=443, database_ca_file=None, engine_version=None, audit_lock_days=365
        )
    )


def bucket(stack: Synthesized) -> dict[str, Any]:
    return stack.resources[audit_bucket_id(stack)]


def test_by_default_no_record_is_locked(every: Synthesized) -> None:
    assert not {name for name in bucket(every)["Properties"] if "Lock" in name}


def test_with_the_setting_every_record_is_locked_for_its_days(locked: Synthesized) -> None:
    properties = bucket(locked)["Properties"]
    assert properties["ObjectLockEnabled"] is True
    assert properties["ObjectLockConfiguration"]["Rule"] == {
        "DefaultRetention": {"Mode": "GOVERNANCE", "Days": 365}
    }
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}  # S3 requires it


def test_a_locked_bucket_and_its_policy_outlive_the_stack(locked: Synthesized) -> None:
    """But not a first deployment that fails: the next one would find the name taken."""
    (policy,) = (
        r
        for r in locked.all("AWS::S3::BucketPolicy").values()
        if r["Properties"]["Bucket"] == {"Ref": audit_bucket_id(locked)}
    )
    for resource in (bucket(locked), policy):
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
        assert resource["UpdateReplacePolicy"] == "Retain"


def test_nothing_else_outlives_the_stack(locked: Synthesized) -> None:
    kept = [
        name
        for name, resource in locked.resources.items()
        if resource.get("DeletionPolicy", "Delete") != "Delete"
    ]
    assert len(kept) == 2
    assert all(name.startswith("AuditStoreBucket") for name in kept)


def test_a_locked_bucket_is_never_emptied(locked: Synthesized) -> None:
    """Also not when the setting is turned on: then CloudFormation deletes the resource that empties
    the bucket, and its function asks for this tag first."""
    emptied = [e["BucketName"]["Ref"] for e in locked.properties("Custom::S3AutoDeleteObjects")]
    tags = {tag["Key"] for tag in bucket(locked)["Properties"].get("Tags", [])}
    assert audit_bucket_id(locked) not in emptied
    assert "aws-cdk:auto-delete-objects" not in tags


def test_no_role_at_all_may_delete_a_locked_record_or_bypass_its_lock(locked: Synthesized) -> None:
    denied = bucket_statement(locked, Sid="RecordsStay")
    assert (denied["Effect"], denied["Principal"]) == ("Deny", {"AWS": "*"})
    assert set(denied["Action"]) == {
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:BypassGovernanceRetention",
    }
    assert "Condition" not in denied
    found = {role: allowed(locked, caller) for role, caller in callers(locked).items()}
    assert {role: attempts for role, attempts in found.items() if attempts} == {}


def test_the_names_stay_those_of_an_environment_without_a_lock(
    locked: Synthesized, production: Synthesized
) -> None:
    """So the setting can be turned on in a running environment: nothing is replaced."""
    assert audit_bucket_id(locked) == audit_bucket_id(production)
    names = [bucket(stack)["Properties"]["BucketName"] for stack in (locked, production)]
    assert names[0] == names[1]
