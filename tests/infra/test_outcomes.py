"""The bus of outcomes: who may write to it, how it is encrypted, and its one subscriber."""

import json
from typing import Any

from tests.infra.templates import Synthesized, text


def bus(stack: Synthesized) -> tuple[str, dict[str, Any]]:
    return stack.only("AWS::Events::EventBus", Name="outcomes-dev")


def role_id(stack: Synthesized) -> str:
    return stack.only("AWS::IAM::Role", RoleName="transaction-processor-role-dev")[0]


def queue_policy(stack: Synthesized, name: str) -> list[dict[str, Any]]:
    """What the policy of the queue allows."""
    logical_id, _ = stack.only("AWS::SQS::Queue", QueueName=name)
    (policy,) = (
        p for p in stack.properties("AWS::SQS::QueuePolicy") if p["Queues"] == [{"Ref": logical_id}]
    )
    return [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]


def test_s64_only_the_processor_puts_events_and_it_can_do_nothing_else(every: Synthesized) -> None:
    on_events = {
        (logical_id["Ref"], text(statement["Action"]), text(statement["Resource"]))
        for policy in every.properties("AWS::IAM::Policy")
        for logical_id in policy["Roles"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "events:" in text(statement["Action"])
    }
    arn = text({"Fn::GetAtt": [bus(every)[0], "Arn"]})
    assert on_events == {(role_id(every), '"events:PutEvents"', arn)}


def test_no_other_account_may_use_the_bus(every: Synthesized) -> None:
    """Without a policy nobody else may; setting one is a right that no branch has (B12)."""
    assert every.properties("AWS::Events::EventBusPolicy") == []
    assert "Policy" not in bus(every)[1]


def test_s63_the_bus_has_the_environments_key_and_only_this_bus_may_use_it(
    every: Synthesized,
) -> None:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-key-policy.html"""
    key, properties = every.only("AWS::KMS::Key")
    assert text(bus(every)[1]["KmsKeyIdentifier"]) == text({"Fn::GetAtt": [key, "Arn"]})
    (statement,) = (
        s
        for s in properties["KeyPolicy"]["Statement"]
        if s["Principal"].get("Service") == "events.amazonaws.com"
    )
    assert {*statement["Action"]} == {"kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"}
    equals = statement["Condition"]["StringEquals"]
    assert equals["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert text(equals["aws:SourceArn"]).endswith(':event-bus/outcomes-dev"]]}')


def test_an_event_that_the_key_cannot_encrypt_is_kept_without_that_key(
    every: Synthesized,
) -> None:
    letters, queue = every.only("AWS::SQS::Queue", QueueName="outcome-dead-letters-dev")
    assert bus(every)[1]["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": [letters, "Arn"]}}
    assert "KmsMasterKeyId" not in queue
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    (statement,) = queue_policy(every, "outcome-dead-letters-dev")
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [bus(every)[0], "Arn"]}}
    }


def test_the_probe_gets_only_outcomes_of_the_integration_tests(every: Synthesized) -> None:
    rule_id, rule = every.only("AWS::Events::Rule", Name="outcome-probe-dev")
    probe, queue = every.only("AWS::SQS::Queue", QueueName="outcome-probe-queue-dev")
    assert rule["EventBusName"] == {"Ref": bus(every)[0]}
    assert rule["EventPattern"] == {
        "source": ["transactions"],
        "detail": {"outcomes": {"correlation_id": [{"prefix": "integration-test-"}]}},
    }
    assert [t["Arn"] for t in rule["Targets"]] == [{"Fn::GetAtt": [probe, "Arn"]}]
    assert queue["MessageRetentionPeriod"] == 3600
    (statement,) = queue_policy(every, "outcome-probe-queue-dev")
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert json.dumps(rule_id) in text(statement["Condition"])
