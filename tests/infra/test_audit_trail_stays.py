"""S23: what each role of an environment may do to a record: its policies and the bucket's."""

from dataclasses import replace
from typing import Any, Final

import pytest

from tests.infra.audit_attempts import CREATES, KEY, ON_BUCKET, ON_RECORDS
from tests.infra.evaluation import Caller, arn_of, callers, resolved
from tests.infra.templates import Synthesized
from tests.infra.test_stores import audit_bucket_id

NEW: Final = {**CREATES, "s3:if-none-match": "*"}
# CDK's function, which CloudFormation calls when it deletes the stack.
CLEAN_UP: Final = {"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutBucketPolicy"}


def bucket(stack: Synthesized) -> tuple[str, dict[str, Any]]:
    """The ARN of the audit bucket and its policy."""
    logical_id = audit_bucket_id(stack)
    policy = stack.one("AWS::S3::BucketPolicy", Bucket={"Ref": logical_id})["PolicyDocument"]
    return arn_of(stack, logical_id), dict(resolved(stack, policy))


def allowed(stack: Synthesized, caller: Caller) -> set[str]:
    """The attempts that succeed. Overwriting is a PutObject without If-None-Match."""
    arn, policy = bucket(stack)
    found = {a for a in ON_BUCKET if caller.may(a, arn, bucket_policy=policy)}
    found |= {a for a in ON_RECORDS if caller.may(a, f"{arn}/{KEY}", bucket_policy=policy)}
    if caller.may("s3:PutObject", f"{arn}/{KEY}", bucket_policy=policy, context=CREATES):
        found.add("overwrite")
    return found


def test_s23_no_role_can_overwrite_or_delete_a_record_or_change_its_bucket(
    every: Synthesized,
) -> None:
    found = {role: allowed(every, caller) for role, caller in callers(every).items()}
    (clean_up,) = (role for role in found if role.startswith("CustomS3AutoDeleteObjects"))

    assert found.pop(clean_up) == CLEAN_UP
    assert found
    assert {role: attempts for role, attempts in found.items() if attempts} == {}


def test_s23_the_audit_writer_alone_can_add_a_record(every: Synthesized) -> None:
    """So the evaluation above does not deny everything."""
    arn, policy = bucket(every)

    def adds(caller: Caller) -> bool:
        return caller.may("s3:PutObject", f"{arn}/{KEY}", bucket_policy=policy, context=NEW)

    (writer,) = (role for role, caller in callers(every).items() if adds(caller))
    assert every.resources[writer]["Properties"]["RoleName"].startswith("audit-writer-role-")


@pytest.mark.parametrize("role", ["transaction-service-role-dev", "audit-writer-role-dev"])
def test_s23_the_bucket_refuses_even_a_role_that_is_allowed_everything(
    ephemeral: Synthesized, role: str
) -> None:
    """A grant that is too wide still overwrites and deletes no record."""
    logical_id, _ = ephemeral.only("AWS::IAM::Role", RoleName=role)
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    careless = replace(callers(ephemeral)[logical_id], statements=(everything,))

    succeeded = allowed(ephemeral, careless)
    assert not succeeded & {"overwrite", "s3:DeleteObject", "s3:DeleteObjectVersion"}
    assert "s3:PutBucketPolicy" in succeeded  # which is why no role may have it


def test_s23_a_large_record_is_written_in_parts_and_completed_once(ephemeral: Synthesized) -> None:
    """Parts cannot carry the header; the request that completes them must."""
    arn, policy = bucket(ephemeral)
    logical_id, _ = ephemeral.only("AWS::IAM::Role", RoleName="audit-writer-role-dev")
    writer = callers(ephemeral)[logical_id]

    def may(**context: str) -> bool:
        keys = {key.replace("_", ":", 1): value for key, value in context.items()}
        return writer.may("s3:PutObject", f"{arn}/{KEY}", bucket_policy=policy, context=keys)

    assert may(s3_objectcreationoperation="false")
    assert not may(s3_objectcreationoperation="true")
