"""S40, S64 and the order of a deployment: the functions, what feeds them and what they may do."""

import pytest

from lambda_src.audit_writer.settings import AuditWriterSettings
from lambda_src.environment_certificate.settings import EnvironmentCertificateSettings
from lambda_src.schema_migrator.settings import SchemaMigratorSettings
from lambda_src.shared.environment_variables import EnvironmentSettings
from lambda_src.transaction_processor.breaker import PROBE_SECONDS
from lambda_src.transaction_processor.settings import TransactionProcessorSettings
from tests.infra.templates import Synthesized, as_list, text

FUNCTIONS: list[tuple[str, type[EnvironmentSettings]]] = [
    ("transaction-processor", TransactionProcessorSettings),
    ("audit-writer", AuditWriterSettings),
    ("schema-migrator", SchemaMigratorSettings),
    ("environment-certificate", EnvironmentCertificateSettings),
]


@pytest.mark.parametrize(("name", "settings"), FUNCTIONS)
def test_a_function_can_read_its_settings(
    ephemeral: Synthesized, name: str, settings: type[EnvironmentSettings]
) -> None:
    function = ephemeral.one("AWS::Lambda::Function", FunctionName=f"{name}-dev")
    variables = function["Environment"]["Variables"]

    # Values that the deployment fills in are texts of their own kind here.
    settings.from_env({key: v if isinstance(v, str) else "filled" for key, v in variables.items()})
    assert function["Handler"] == f"lambda_src.{name.replace('-', '_')}.entrypoint.handler"


@pytest.mark.parametrize(("name", "_"), FUNCTIONS)
def test_s52_s63_a_function_logs_to_its_own_group_and_hides_its_variables(
    ephemeral: Synthesized, name: str, _: object
) -> None:
    function = ephemeral.one("AWS::Lambda::Function", FunctionName=f"{name}-dev")
    group, _properties = ephemeral.only(
        "AWS::Logs::LogGroup", LogGroupName=f"/aws/lambda/{name}-dev"
    )

    assert function["LoggingConfig"] == {"LogGroup": {"Ref": group}}
    assert "EncryptionKey" in text(function["KmsKeyArn"])


@pytest.mark.parametrize("name", ["transaction-processor", "schema-migrator"])
def test_a_function_trusts_the_aws_roots_unless_another_file_is_named(
    ephemeral: Synthesized, production: Synthesized, name: str
) -> None:
    trusted = [
        stack.one("AWS::Lambda::Function", FunctionName=f"{name}-dev")["Environment"]["Variables"][
            "DATABASE_CA_FILE"
        ]
        for stack in (ephemeral, production)
    ]

    assert trusted == ["trust/aws-rds.pem", "/etc/own-ca.pem"]


@pytest.mark.parametrize(
    ("queue", "function", "batch_size"),
    [
        ("transaction-queue", "transaction-processor", 100),
        ("audit-queue", "audit-writer", 5),
    ],
)
def test_s40_a_queue_feeds_its_function_with_a_cap_and_partial_answers(
    ephemeral: Synthesized, queue: str, function: str, batch_size: int
) -> None:
    source, _ = ephemeral.only("AWS::SQS::Queue", QueueName=f"{queue}-dev")
    target, _ = ephemeral.only("AWS::Lambda::Function", FunctionName=f"{function}-dev")

    mapping = ephemeral.one(
        "AWS::Lambda::EventSourceMapping",
        EventSourceArn={"Fn::GetAtt": [source, "Arn"]},
        FunctionName={"Ref": target},
    )

    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 5}
    assert mapping["BatchSize"] == batch_size


@pytest.mark.parametrize("name", ["transaction-processor", "schema-migrator"])
def test_s64_the_code_of_a_function_cannot_touch_the_network(
    ephemeral: Synthesized, name: str
) -> None:
    """Lambda itself needs the right on everything; a deny takes it from the running code."""
    statements = [s for s in ephemeral.statements_of(f"{name}-role-dev") if "ec2:" in text(s)]
    allowed, denied = sorted(statements, key=lambda s: s["Effect"] == "Deny")

    assert (allowed["Effect"], denied["Effect"]) == ("Allow", "Deny")
    assert allowed["Action"] == denied["Action"]
    assert f"function:{name}-dev" in text(denied["Condition"]["ArnEquals"])


def test_s64_the_processor_may_handle_its_queue_and_bury_what_is_dead(
    ephemeral: Synthesized,
) -> None:
    by_queue: dict[str, set[str]] = {}
    for statement in ephemeral.statements_of("transaction-processor-role-dev"):
        if '"sqs:' in text(statement):
            for resource in as_list(statement["Resource"]):
                queue = resource["Fn::GetAtt"][0]
                name = ephemeral.resources[queue]["Properties"]["QueueName"]
                by_queue.setdefault(name, set()).update(as_list(statement["Action"]))

    assert by_queue.keys() == {"transaction-queue-dev", "transaction-dead-letters-dev"}
    assert "sqs:ChangeMessageVisibility" in by_queue["transaction-queue-dev"]
    assert "sqs:SendMessage" in by_queue["transaction-queue-dev"]  # to put a message back
    assert by_queue["transaction-dead-letters-dev"] == {"sqs:SendMessage"}


def test_s42_a_message_that_waits_meets_the_open_breaker_in_every_minute(
    ephemeral: Synthesized,
) -> None:
    """So the alarm stands as long as there is one; and no failover waits long for its end."""
    function = ephemeral.one("AWS::Lambda::Function", FunctionName="transaction-processor-dev")
    variables = function["Environment"]["Variables"]
    first, longest = (
        int(variables[f"BREAKER_PAUSE_{which}_SECONDS"]) for which in ("FIRST", "MAX")
    )

    assert 0 < first <= 5
    # The pause, as much again of jitter, and a try that ends with a report.
    assert longest + longest + PROBE_SECONDS < 60


def test_s42_the_processor_alone_may_feed_itself(every: Synthesized) -> None:
    """Else Lambda ends the loop of messages sent anew after 16 rounds, minutes into an outage."""
    loops = {
        name: function["Properties"]["RecursiveLoop"]
        for name, function in every.all("AWS::Lambda::Function").items()
        if "RecursiveLoop" in function["Properties"]
    }
    processor, _ = every.only("AWS::Lambda::Function", FunctionName="transaction-processor-dev")

    assert loops == {processor: "Allow"}


def trigger(stack: Synthesized) -> str:
    return stack.only("Custom::Trigger")[0]


@pytest.mark.parametrize(
    ("kind", "having"),
    [
        ("AWS::ECS::Service", {"ServiceName": "transaction-service-dev"}),
        ("AWS::Lambda::EventSourceMapping", {"BatchSize": 100}),
    ],
)
def test_the_schema_is_there_before_what_uses_it(
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
def test_the_schema_waits_for_what_it_needs(ephemeral: Synthesized, kind: str) -> None:
    needed = ephemeral.all(kind)

    assert needed
    assert all(ephemeral.comes_before(name, trigger(ephemeral)) for name in needed)


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
    """A trigger fires when the version changes, and the version is of the code."""
    version, _ = ephemeral.only("AWS::Lambda::Version")

    assert ephemeral.one("Custom::Trigger")["HandlerArn"] == {"Ref": version}
    assert ephemeral.one("Custom::Trigger")["InvocationType"] == "RequestResponse"
