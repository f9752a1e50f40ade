"""S21 to S23, S40, S43: sessions, the audit trail and the queues."""

from typing import Any

import pytest

from infra.queue_names import AUDIT, TRANSACTIONS, QueueNames
from lambda_src.shared.redelivery import delay_seconds
from tests.infra.templates import Synthesized, text


def sessions(stack: Synthesized) -> dict[str, Any]:
    return stack.one("AWS::DynamoDB::Table", TableName="transaction-sessions-dev")


def test_s21_sessions_are_found_by_their_token_and_expire(ephemeral: Synthesized) -> None:
    table = sessions(ephemeral)

    assert table["KeySchema"] == [{"AttributeName": "token_hash", "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_s21_the_sessions_of_a_user_are_found_by_an_index_in_order(ephemeral: Synthesized) -> None:
    (index,) = sessions(ephemeral)["GlobalSecondaryIndexes"]

    assert index["IndexName"] == "by-user"
    assert index["KeySchema"] == [
        {"AttributeName": "user_id", "KeyType": "HASH"},
        {"AttributeName": "created_at", "KeyType": "RANGE"},
    ]


def test_s21_sessions_can_be_recovered(ephemeral: Synthesized) -> None:
    recovery = sessions(ephemeral)["PointInTimeRecoverySpecification"]

    assert recovery == {"PointInTimeRecoveryEnabled": True}


def test_a_client_has_several_credentials_and_they_can_be_recovered(
    ephemeral: Synthesized,
) -> None:
    table = ephemeral.one("AWS::DynamoDB::Table", TableName="transaction-api-clients-dev")

    assert table["KeySchema"] == [
        {"AttributeName": "client_id", "KeyType": "HASH"},
        {"AttributeName": "credential_id", "KeyType": "RANGE"},
    ]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert "TimeToLiveSpecification" not in table


def test_s21_s42_tables_are_on_demand_and_encrypted(ephemeral: Synthesized) -> None:
    for table in ephemeral.properties("AWS::DynamoDB::Table"):
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["SSESpecification"]["SSEType"] == "KMS"
        assert "EncryptionKey" in text(table["SSESpecification"]["KMSMasterKeyId"])


def test_s42_the_breaker_is_one_item_that_expires(ephemeral: Synthesized) -> None:
    table = ephemeral.one("AWS::DynamoDB::Table", TableName="transaction-breaker-dev")

    assert table["KeySchema"] == [{"AttributeName": "breaker", "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_s64_the_service_cannot_list_all_sessions(ephemeral: Synthesized) -> None:
    actions = ephemeral.actions_of("transaction-service-role-dev")

    assert {a for a in actions if a.startswith("dynamodb:")} == {
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:DeleteItem",
        "dynamodb:Query",
    }


def audit_bucket(stack: Synthesized) -> dict[str, Any]:
    return dict(stack.resources[audit_bucket_id(stack)]["Properties"])


def audit_bucket_id(stack: Synthesized) -> str:
    (logical_id,) = (
        logical_id
        for logical_id, r in stack.all("AWS::S3::Bucket").items()
        if "transaction-audit-" in text(r["Properties"]["BucketName"])
    )
    return logical_id


def bucket_policy(stack: Synthesized) -> list[dict[str, Any]]:
    bucket = {"Ref": audit_bucket_id(stack)}
    return list(stack.one("AWS::S3::BucketPolicy", Bucket=bucket)["PolicyDocument"]["Statement"])


def test_s22_the_audit_bucket_is_versioned_encrypted_and_private(ephemeral: Synthesized) -> None:
    bucket = audit_bucket(ephemeral)

    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}


def test_s22_small_records_also_move_to_infrequent_access(ephemeral: Synthesized) -> None:
    (rule,) = (
        r for r in audit_bucket(ephemeral)["LifecycleConfiguration"]["Rules"] if "Transitions" in r
    )

    assert rule["Transitions"] == [{"StorageClass": "STANDARD_IA", "TransitionInDays": 30}]
    # Without a size in the rule, the default minimum of 128 KB applies to this class.
    assert rule["ObjectSizeGreaterThan"] == "1"
    assert rule["Status"] == "Enabled"


def bucket_statement(stack: Synthesized, **having: object) -> dict[str, Any]:
    (found,) = (s for s in bucket_policy(stack) if having.items() <= s.items())
    return found


def test_s22_the_audit_bucket_takes_only_tls(ephemeral: Synthesized) -> None:
    insecure = bucket_statement(
        ephemeral, Action="s3:*", Condition={"Bool": {"aws:SecureTransport": "false"}}
    )

    assert insecure["Effect"] == "Deny"


def test_s23_a_record_cannot_be_written_twice(ephemeral: Synthesized) -> None:
    once = bucket_statement(ephemeral, Sid="RecordsAreWrittenOnce")

    assert (once["Effect"], once["Action"]) == ("Deny", "s3:PutObject")
    assert once["Principal"] == {"AWS": "*"}
    assert once["Condition"]["Null"] == {"s3:if-none-match": "true"}
    assert text(once["Resource"]).endswith('"/audit/*"]]}')


def test_s23_only_the_deletion_of_the_stack_may_delete_records(ephemeral: Synthesized) -> None:
    allowed = [s for s in bucket_policy(ephemeral) if s["Effect"] == "Allow"]
    clean_up = allowed[0]["Principal"]["AWS"]
    denied = bucket_statement(ephemeral, Sid="RecordsStay")
    roles = ephemeral.all("AWS::IAM::Policy") | ephemeral.all("AWS::IAM::Role")

    assert ["AutoDelete" in text(s["Principal"]) for s in allowed] == [True]
    assert "s3:DeleteObject" not in text(roles)
    assert (denied["Effect"], denied["Principal"]) == ("Deny", {"AWS": "*"})
    assert set(denied["Action"]) == {"s3:DeleteObject", "s3:DeleteObjectVersion"}
    assert denied["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": clean_up}}
    assert text(denied["Resource"]).endswith('"/audit/*"]]}')


def test_s64_the_audit_writer_can_add_and_compare_records_and_nothing_else(
    ephemeral: Synthesized,
) -> None:
    actions = ephemeral.actions_of("audit-writer-role-dev")

    assert {a for a in actions if a.startswith("s3:")} == {"s3:PutObject", "s3:GetObject"}


QUEUES = [TRANSACTIONS, AUDIT]


@pytest.mark.parametrize("names", QUEUES)
def test_s43_a_message_that_keeps_failing_moves_to_the_dead_letters_of_its_queue(
    ephemeral: Synthesized, names: QueueNames
) -> None:
    queue = ephemeral.one("AWS::SQS::Queue", QueueName=f"{names.queue}-dev")
    target, _ = ephemeral.only("AWS::SQS::Queue", QueueName=f"{names.dead_letters}-dev")

    assert queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0] == target


def test_s65_a_message_is_retried_for_longer_than_a_recovery(ephemeral: Synthesized) -> None:
    """On average, the backoff of the processor adds up to more than five minutes."""
    queue = ephemeral.one("AWS::SQS::Queue", QueueName="transaction-queue-dev")
    receives = queue["RedrivePolicy"]["maxReceiveCount"]
    average_seconds = sum(delay_seconds(n, lambda: 0.5) for n in range(1, receives))
    assert average_seconds > 300


def test_s43_dead_letters_are_kept_for_two_weeks(ephemeral: Synthesized) -> None:
    for names in QUEUES:
        queue = ephemeral.one("AWS::SQS::Queue", QueueName=f"{names.dead_letters}-dev")
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_s63_every_queue_is_encrypted_and_takes_only_tls(ephemeral: Synthesized) -> None:
    for logical_id, queue in ephemeral.all("AWS::SQS::Queue").items():
        (policy,) = (
            p
            for p in ephemeral.properties("AWS::SQS::QueuePolicy")
            if p["Queues"] == [{"Ref": logical_id}]
        )
        if queue["Properties"]["QueueName"].startswith("outcome-"):  # EventBridge sends to it
            assert queue["Properties"]["SqsManagedSseEnabled"] is True
        else:
            assert "EncryptionKey" in text(queue["Properties"]["KmsMasterKeyId"])
        assert '"aws:SecureTransport": "false"' in text(policy)


def test_s40_a_message_stays_hidden_for_six_handler_timeouts(ephemeral: Synthesized) -> None:
    mappings = ephemeral.properties("AWS::Lambda::EventSourceMapping")

    assert mappings
    for mapping in mappings:
        queue = ephemeral.resources[mapping["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
        function = ephemeral.resources[mapping["FunctionName"]["Ref"]]["Properties"]
        assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
