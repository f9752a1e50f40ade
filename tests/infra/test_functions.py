"""S40, S64 and the order of a deployment: functions, their event sources and their permissions."""

import importlib
from typing import Any

import pytest

from lambda_src.shared.breaker import PROBE_SECONDS
from lambda_src.shared.environment_variables import EnvironmentSettings
from tests.infra.evaluation import arn_of, callers
from tests.infra.templates import Synthesized, as_list, text


def functions(stack: Synthesized) -> dict[str, dict[str, Any]]:
    """Every function that runs code of ours, by its name."""
    return {
        function["FunctionName"]: function
        for function in stack.properties("AWS::Lambda::Function")
        if function["Handler"].startswith("lambda_src.")
    }


def settings_of(function: dict[str, Any]) -> type[EnvironmentSettings]:
    """The settings class that stands in the package of the function's handler."""
    module = importlib.import_module(f"{function['Handler'].split('.entrypoint.')[0]}.settings")
    (found,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
        if issubclass(value, EnvironmentSettings)
    )
    return found


def test_every_function_can_read_its_settings(ephemeral: Synthesized) -> None:
    assert functions(ephemeral)
    for function in functions(ephemeral).values():
        variables = function["Environment"]["Variables"]
        # The deployment fills in references; any text stands for them here.
        settings_of(function).from_env(
            {key: v if isinstance(v, str) else "filled" for key, v in variables.items()}
        )


def test_s52_s63_every_function_logs_to_its_own_group_and_encrypts_its_variables(
    ephemeral: Synthesized,
) -> None:
    for name, function in functions(ephemeral).items():
        group, _ = ephemeral.only("AWS::Logs::LogGroup", LogGroupName=f"/aws/lambda/{name}")
        assert function["LoggingConfig"]["LogGroup"] == {"Ref": group}
        assert "EncryptionKey" in text(function["KmsKeyArn"])


def test_functions_verify_the_database_with_the_aws_roots_unless_another_file_is_named(
    ephemeral: Synthesized, production: Synthesized
) -> None:
    files = [
        {
            variables["DATABASE_CA_FILE"]
            for function in functions(stack).values()
            if "DATABASE_CA_FILE" in (variables := function["Environment"]["Variables"])
        }
        for stack in (ephemeral, production)
    ]

    assert files == [{"trust/aws-rds.pem"}, {"/etc/own-ca.pem"}]


def test_s40_each_queue_calls_its_function_with_limited_concurrency_and_partial_responses(
    ephemeral: Synthesized,
) -> None:
    called = {}
    for mapping in ephemeral.properties("AWS::Lambda::EventSourceMapping"):
        queue = ephemeral.resources[mapping["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
        function = ephemeral.resources[mapping["FunctionName"]["Ref"]]["Properties"]
        called[queue["QueueName"]] = function["FunctionName"]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["ScalingConfig"]["MaximumConcurrency"] > 1

    assert called == {
        "transaction-queue-dev": "transaction-processor-dev",
        "audit-queue-dev": "audit-writer-dev",
    }


def test_s64_the_code_of_a_function_cannot_change_the_network(ephemeral: Synthesized) -> None:
    """Lambda itself needs the permission on every resource; a deny takes it from the code."""
    inside = {n for n, function in functions(ephemeral).items() if "VpcConfig" in function}

    assert inside
    for name in inside:
        role = f"{name.removesuffix('-dev')}-role-dev"
        statements = [s for s in ephemeral.statements_of(role) if "ec2:" in text(s)]
        allowed, denied = sorted(statements, key=lambda s: s["Effect"] == "Deny")
        assert (allowed["Effect"], denied["Effect"]) == ("Allow", "Deny")
        assert allowed["Action"] == denied["Action"]
        assert f"function:{name}" in text(denied["Condition"]["ArnEquals"])


@pytest.mark.parametrize(
    ("kind", "function"), [("transaction", "transaction-processor"), ("audit", "audit-writer")]
)
def test_s64_a_function_may_handle_its_queue_and_send_to_its_dead_letters(
    ephemeral: Synthesized, kind: str, function: str
) -> None:
    queue_name, dead_letters = f"{kind}-queue-dev", f"{kind}-dead-letters-dev"
    by_queue: dict[str, set[str]] = {}
    for statement in ephemeral.statements_of(f"{function}-role-dev"):
        if '"sqs:' in text(statement):
            for resource in as_list(statement["Resource"]):
                queue = resource["Fn::GetAtt"][0]
                name = ephemeral.resources[queue]["Properties"]["QueueName"]
                by_queue.setdefault(name, set()).update(as_list(statement["Action"]))

    assert by_queue.keys() == {queue_name, dead_letters}
    assert "sqs:ChangeMessageVisibility" in by_queue[queue_name]
    assert "sqs:SendMessage" in by_queue[queue_name]  # to put a message back
    assert by_queue[dead_letters] == {"sqs:SendMessage"}


@pytest.mark.parametrize(
    ("function", "own", "other"),
    [("transaction-processor", "ledger", "archive"), ("audit-writer", "archive", "ledger")],
)
def test_s64_a_function_may_use_its_own_breaker_and_not_the_other_one(
    ephemeral: Synthesized, function: str, own: str, other: str
) -> None:
    """With the breaker of the ledger the audit writer could stop all transactions of the queue."""
    (role,) = (
        caller
        for logical_id, caller in callers(ephemeral).items()
        if ephemeral.resources[logical_id]["Properties"].get("RoleName") == f"{function}-role-dev"
    )
    table, _ = ephemeral.only("AWS::DynamoDB::Table", TableName="transaction-breaker-dev")

    def may(action: str, item: str) -> bool:
        return role.may(
            action,
            arn_of(ephemeral, table),
            bucket_policy={},
            context={"dynamodb:leadingkeys": item},
        )

    for action in ("dynamodb:GetItem", "dynamodb:PutItem"):
        assert may(action, own)
        assert not may(action, other)


@pytest.mark.parametrize("function", ["transaction-processor", "audit-writer"])
def test_s42_a_message_that_waits_meets_the_open_breaker_in_every_minute(
    ephemeral: Synthesized, function: str
) -> None:
    """So the alarm lasts as long as a message waits, and a failover ends the wait soon."""
    found = ephemeral.one("AWS::Lambda::Function", FunctionName=f"{function}-dev")
    variables = found["Environment"]["Variables"]
    first, longest = (
        int(variables[f"BREAKER_PAUSE_{which}_SECONDS"]) for which in ("FIRST", "MAX")
    )

    assert 0 < first <= 5
    # The pause, as much again of jitter, and a try that ends with a report.
    assert longest + longest + PROBE_SECONDS < 60


def test_s42_only_functions_of_queues_may_send_to_their_own_queue_in_a_loop(
    every: Synthesized,
) -> None:
    """By default Lambda stops such a loop after 16 rounds, minutes into an outage."""
    loops = {
        function["Properties"]["FunctionName"]: function["Properties"]["RecursiveLoop"]
        for function in every.all("AWS::Lambda::Function").values()
        if "RecursiveLoop" in function["Properties"]
    }

    assert loops == {"transaction-processor-dev": "Allow", "audit-writer-dev": "Allow"}


def trigger(stack: Synthesized) -> str:
    return stack.only("Custom::Trigger")[0]


@pytest.mark.parametrize(
    ("kind", "having"),
    [
        ("AWS::ECS::Service", {"ServiceName": "transaction-service-dev"}),
        ("AWS::Lambda::EventSourceMapping", {"BatchSize": 500}),
    ],
)
def test_the_schema_is_migrated_before_the_code_that_uses_it(
    ephemeral: Synthesized, kind: str, having: dict[str, object]
) -> None:
    user, _ = ephemeral.only(kind, **having)

    assert ephemeral.comes_before(trigger(ephemeral), user)


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::RDS::DBCluster",
        "AWS::SecretsManager::SecretTargetAttachment",
        "AWS::EC2::NatGateway",
        "AWS::EC2::Route",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::SecurityGroupEgress",
    ],
)
def test_the_migration_waits_for_what_it_needs(ephemeral: Synthesized, kind: str) -> None:
    needed = ephemeral.all(kind)

    assert needed
    assert all(ephemeral.comes_before(name, trigger(ephemeral)) for name in needed)


def test_the_migration_waits_for_the_audit_writer(ephemeral: Synthesized) -> None:
    """Once it has run, tasks of either version send batches with a chain."""
    writer, _ = ephemeral.only("AWS::Lambda::Function", FunctionName="audit-writer-dev")
    assert ephemeral.comes_before(writer, trigger(ephemeral))


def test_the_migrator_may_read_its_secrets_before_it_runs(ephemeral: Synthesized) -> None:
    role, _ = ephemeral.only("AWS::IAM::Role", RoleName="schema-migrator-role-dev")
    policies = [
        name
        for name, policy in ephemeral.all("AWS::IAM::Policy").items()
        if {"Ref": role} in policy["Properties"]["Roles"]
    ]

    assert policies
    assert all(ephemeral.comes_before(name, trigger(ephemeral)) for name in policies)


def test_the_migrator_runs_again_when_a_migration_is_added(ephemeral: Synthesized) -> None:
    """A trigger runs when the function's version changes, and the version follows the code."""
    version, _ = ephemeral.only("AWS::Lambda::Version")

    assert ephemeral.one("Custom::Trigger")["HandlerArn"] == {"Ref": version}
    assert ephemeral.one("Custom::Trigger")["InvocationType"] == "RequestResponse"


def test_the_processor_knows_the_id_of_its_own_role(ephemeral: Synthesized) -> None:
    """By it the processor recognizes the messages that it has sent itself."""
    processor = functions(ephemeral)[
        next(n for n in functions(ephemeral) if n.startswith("transaction-processor-"))
    ]
    role = processor["Role"]["Fn::GetAtt"][0]
    variables = processor["Environment"]["Variables"]
    assert variables["PROCESSOR_ROLE_ID"] == {"Fn::GetAtt": [role, "RoleId"]}
