"""S8, B2: the hub's resources, the triggers of its machines, and the recipients of its notices."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from branch_hub.functions.intake.settings import BranchIntakeSettings
from branch_hub.functions.pipeline_retry.settings import PipelineRetrySettings
from branch_hub.functions.reconciler.settings import BranchReconcilerSettings
from branch_hub.functions.shared.lifecycle_settings import BranchLifecycleSettings
from branch_hub.functions.teardown.settings import BranchTeardownSettings
from infra.naming import EnvironmentSuffix
from lambda_src.shared.environment_variables import EnvironmentSettings
from tests.branch_hub.infrastructure.conftest import CODECOMMIT_HUB, GITHUB_HUB
from tests.delivered import CONNECTION, Delivered
from tests.infra.context import REPOSITORY
from tests.infra.templates import Synthesized, text

H = CODECOMMIT_HUB
FUNCTIONS: list[tuple[str, type[EnvironmentSettings]]] = [
    ("branch-intake", BranchIntakeSettings),
    ("branch-lifecycle", BranchLifecycleSettings),
    ("branch-teardown", BranchTeardownSettings),
    ("branch-reconciler", BranchReconcilerSettings),
    ("pipeline-retry", PipelineRetrySettings),
]


def variables(hub: Synthesized, name: str) -> dict[str, Any]:
    function = hub.one("AWS::Lambda::Function", FunctionName=f"{name}-{H}")
    return dict(function["Environment"]["Variables"])


def test_the_outputs_hold_all_values_that_other_programs_need(every_hub: Synthesized) -> None:
    assert set(every_hub.json["Outputs"]) == {
        "WebhookUrl",
        "WebhookSecretName",
        "BranchEventBusName",
        "BranchTableName",
        "CreateStateMachineArn",
        "DestroyStateMachineArn",
        "ReconcilerFunctionName",
        "NoticesTopicArn",
    }


def test_b2_the_hub_cannot_delete_itself(delivered: Delivered, hub: Synthesized) -> None:
    """It has no suffix of an environment among its tags, and no stack name of one."""
    manifest = json.loads((delivered.outdir / "manifest.json").read_text())["artifacts"]
    artifact = manifest[f"BranchHub-{H}"]

    assert artifact["displayName"] == f"BranchHub-{H}"
    assert artifact["properties"]["tags"] == {
        "application": "transaction-pipeline",
        "branch-hub": H,
    }


@pytest.mark.parametrize(("name", "settings"), FUNCTIONS)
def test_a_function_can_read_its_settings(
    hub: Synthesized, name: str, settings: type[EnvironmentSettings]
) -> None:
    told = variables(hub, name)
    function = hub.one("AWS::Lambda::Function", FunctionName=f"{name}-{H}")
    folder = name.removeprefix("branch-").replace("-", "_")

    settings.from_env({key: v if isinstance(v, str) else "filled" for key, v in told.items()})
    assert function["Handler"] == f"branch_hub.functions.{folder}.entrypoint.handler"
    assert (REPOSITORY / "branch_hub" / "functions" / folder / "entrypoint.py").exists()


def test_b2_protection_quota_and_lifetime_are_those_of_cdk_json(hub: Synthesized) -> None:
    for name in ("branch-lifecycle", "branch-reconciler"):
        told = variables(hub, name)
        assert json.loads(told["PROTECTED_BRANCHES"]) == ["release/*"]
        assert (told["ENVIRONMENT_QUOTA"], told["LIFETIME_DAYS"]) == ("10", "14")
        assert told["TRUNK"] == "main"


def test_functions_get_the_settings_of_their_git_host(
    hub: Synthesized, github_hub: Synthesized
) -> None:
    told = github_hub.one("AWS::Lambda::Function", FunctionName=f"branch-lifecycle-{GITHUB_HUB}")[
        "Environment"
    ]["Variables"]

    github = {"kind": "github", "api_url": "https://api.github.com"}
    assert (json.loads(told["GIT_HOST"]), told["REPOSITORY"]) == (github, "acme/ledger")
    assert json.loads(variables(hub, "branch-lifecycle")["GIT_HOST"]) == {"kind": "codecommit"}


def test_the_registry_has_the_suffix_as_key_and_expires_items(hub: Synthesized) -> None:
    table = hub.one("AWS::DynamoDB::Table", TableName=f"transaction-branches-{H}")

    assert table["KeySchema"] == [{"AttributeName": "suffix", "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {
        "AttributeName": "forget_after_epoch_seconds",
        "Enabled": True,
    }
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    # Its last backup would outlive the hub; the reconciler rebuilds the table.
    assert "PointInTimeRecoverySpecification" not in table


def test_aws_generates_the_signing_key_and_a_person_sets_the_token(hub: Synthesized) -> None:
    made = hub.one("AWS::SecretsManager::Secret", Name=f"branch-hub-{H}")["GenerateSecretString"]

    assert made["GenerateStringKey"] == "webhook_secret"
    assert made["PasswordLength"] == 64
    assert json.loads(made["SecretStringTemplate"]) == {"token": ""}


def rule(hub: Synthesized, name: str) -> dict[str, Any]:
    return hub.one("AWS::Events::Rule", Name=f"{name}-{H}")


@pytest.mark.parametrize(
    ("name", "machine", "detail_types"),
    [
        ("branch-pushed", "branch-create", ["Branch Pushed"]),
        (
            "branch-gone",
            "branch-destroy",
            ["Branch Deleted", "Environment Expired", "Environment Orphaned"],
        ),
    ],
)
def test_s8_an_event_of_a_branch_starts_the_machine_with_its_detail(
    hub: Synthesized, name: str, machine: str, detail_types: list[str]
) -> None:
    started, _ = hub.only("AWS::StepFunctions::StateMachine", StateMachineName=f"{machine}-{H}")
    bus, _ = hub.only("AWS::Events::EventBus", Name=f"branch-events-{H}")
    found = rule(hub, name)
    (target,) = found["Targets"]

    assert found["EventBusName"] == {"Ref": bus}
    assert found["EventPattern"] == {
        "source": ["transaction-pipeline.branches"],
        "detail-type": detail_types,
    }
    assert target["Arn"] == {"Ref": started}
    assert target["InputPath"] == "$.detail"


def test_undelivered_events_are_kept_for_two_weeks(every_hub: Synthesized) -> None:
    queue, properties = every_hub.only("AWS::SQS::Queue")

    for found in every_hub.properties("AWS::Events::Rule"):
        for target in found["Targets"]:
            assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": [queue, "Arn"]}}
    assert properties["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_s8_codecommit_reports_created_moved_and_deleted_branches(
    hub: Synthesized,
) -> None:
    found = rule(hub, "branch-codecommit")
    intake, _ = hub.only("AWS::Lambda::Function", FunctionName=f"branch-intake-{H}")

    assert found["EventPattern"] == {
        "source": ["aws.codecommit"],
        "detail-type": ["CodeCommit Repository State Change"],
        "resources": ["arn:aws:codecommit:us-east-1:000000000000:transaction-pipeline"],
        "detail": {
            "referenceType": ["branch"],
            "event": ["referenceCreated", "referenceUpdated", "referenceDeleted"],
        },
    }
    assert found["Targets"][0]["Arn"] == {"Fn::GetAtt": [intake, "Arn"]}
    assert "EventBusName" not in found  # AWS services publish on the account's default bus


def test_an_update_of_a_deployed_hub_keeps_the_rule_of_its_git_host(hub: Synthesized) -> None:
    """CloudFormation would create a rule with another id first; its name would be taken."""
    logical_id, _ = hub.only("AWS::Events::Rule", Name=f"branch-codecommit-{H}")

    assert logical_id == "IntakeCodeCommit674E40FD"


def test_s8_github_posts_to_a_url_that_needs_no_aws_identity(github_hub: Synthesized) -> None:
    """The hub receives no events of another host."""
    intake, _ = github_hub.only("AWS::Lambda::Function", FunctionName=f"branch-intake-{GITHUB_HUB}")
    url, properties = github_hub.only("AWS::Lambda::Url")
    open_to_all = [
        (p["Action"], p.get("FunctionUrlAuthType"), p.get("InvokedViaFunctionUrl"))
        for p in github_hub.properties("AWS::Lambda::Permission")
        if p["Principal"] == "*"
    ]

    assert properties == {
        "AuthType": "NONE",
        "TargetFunctionArn": {"Fn::GetAtt": [intake, "Arn"]},
    }
    assert github_hub.json["Outputs"]["WebhookUrl"]["Value"] == {"Fn::GetAtt": [url, "FunctionUrl"]}
    # Both are needed since October 2025; the second is for the URL alone.
    assert open_to_all == [
        ("lambda:InvokeFunctionUrl", "NONE", None),
        ("lambda:InvokeFunction", None, True),
    ]
    assert "aws.codecommit" not in text(github_hub.json)


def test_b2_the_reconciler_runs_every_hour_and_only_reports(
    hub: Synthesized,
) -> None:
    found = rule(hub, "branch-reconcile-hourly")

    assert found["ScheduleExpression"] == "rate(1 hour)"
    assert json.loads(found["Targets"][0]["Input"]) == {"apply": False}


def test_a_failed_stage_of_our_pipelines_invokes_the_retry_function(hub: Synthesized) -> None:
    retry, _ = hub.only("AWS::Lambda::Function", FunctionName=f"pipeline-retry-{H}")
    found = rule(hub, "pipeline-stage-failed")

    assert found["EventPattern"] == {
        "source": ["aws.codepipeline"],
        "detail-type": ["CodePipeline Stage Execution State Change"],
        "detail": {"pipeline": [{"prefix": "transaction-pipeline-"}], "state": ["FAILED"]},
    }
    assert found["Targets"][0]["Arn"] == {"Fn::GetAtt": [retry, "Arn"]}


def test_machines_are_traced_and_their_logs_hold_no_data(
    hub: Synthesized,
) -> None:
    key, _ = hub.only("AWS::KMS::Key")
    for machine in hub.properties("AWS::StepFunctions::StateMachine"):
        logging = machine["LoggingConfiguration"]
        assert machine["TracingConfiguration"] == {"Enabled": True}
        assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", False)
        assert machine["EncryptionConfiguration"]["Type"] == "CUSTOMER_MANAGED_KMS_KEY"
        assert key in text(machine["EncryptionConfiguration"]["KmsKeyId"])
        assert "StateMachineType" not in machine or machine["StateMachineType"] == "STANDARD"


def test_s63_all_stored_data_is_encrypted_with_the_hubs_key(every_hub: Synthesized) -> None:
    key, properties = every_hub.only("AWS::KMS::Key")
    where: dict[str, Callable[[dict[str, Any]], object]] = {
        "AWS::DynamoDB::Table": lambda p: p["SSESpecification"]["KMSMasterKeyId"],
        "AWS::SQS::Queue": lambda p: p["KmsMasterKeyId"],
        "AWS::SNS::Topic": lambda p: p["KmsMasterKeyId"],
        "AWS::SecretsManager::Secret": lambda p: p["KmsKeyId"],
        "AWS::Events::EventBus": lambda p: p["KmsKeyIdentifier"],
        "AWS::Logs::LogGroup": lambda p: p["KmsKeyId"],
        "AWS::Lambda::Function": lambda p: p["KmsKeyArn"],
    }
    for kind, used in where.items():
        assert every_hub.properties(kind), kind
        for found in every_hub.properties(kind):
            assert key in text(used(found)), kind
    assert properties["EnableKeyRotation"] is True


def test_s52_s62_logs_are_kept_a_week_and_deleted_with_the_hub(every_hub: Synthesized) -> None:
    groups = every_hub.all("AWS::Logs::LogGroup")
    for group in groups.values():
        assert group["Properties"]["RetentionInDays"] == 7
    for function in every_hub.properties("AWS::Lambda::Function"):
        assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups
    for project in every_hub.properties("AWS::CodeBuild::Project"):
        assert project["LogsConfig"]["CloudWatchLogs"]["GroupName"]["Ref"] in groups


def test_s62_every_resource_of_the_hub_is_deleted_with_its_stack(every_hub: Synthesized) -> None:
    stateful = (
        "AWS::DynamoDB::Table",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::SecretsManager::Secret",
        "AWS::SQS::Queue",
    )
    for kind in stateful:
        for name, resource in every_hub.all(kind).items():
            assert resource["DeletionPolicy"] == "Delete", name
    assert not any(
        r.get("DeletionPolicy") not in (None, "Delete") for r in every_hub.resources.values()
    )


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("branch-create-failed", "ExecutionsFailed"),
        ("branch-create-timed-out", "ExecutionsTimedOut"),
        ("branch-destroy-failed", "ExecutionsFailed"),
        ("branch-destroy-timed-out", "ExecutionsTimedOut"),
        ("branch-intake-errors", "Errors"),
        ("branch-reconciler-errors", "Errors"),
        ("pipeline-retry-errors", "Errors"),
        ("branch-dead-letters", "ApproximateNumberOfMessagesVisible"),
    ],
)
def test_an_alarm_reports_each_failure_of_the_hub_itself(
    hub: Synthesized, name: str, metric: str
) -> None:
    topic, _ = hub.only("AWS::SNS::Topic", TopicName=f"branch-notices-{H}")
    alarm = hub.one("AWS::CloudWatch::Alarm", AlarmName=f"{name}-{H}")

    assert alarm["MetricName"] == metric
    assert alarm["AlarmActions"] == [{"Ref": topic}]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (
        1,
        "GreaterThanOrEqualToThreshold",
    )


def test_s51_every_alarm_of_the_hub_says_what_to_do(hub: Synthesized) -> None:
    told = set()
    for alarm in hub.properties("AWS::CloudWatch::Alarm"):
        reason, _, runbook = alarm["AlarmDescription"].partition(". Runbook: ")
        page = (REPOSITORY / runbook).read_text()
        assert reason, runbook
        for part in ("**What it means.**", "**Look at.**", "**Do.**"):
            assert part in page, (runbook, part)
        told.add(REPOSITORY / runbook)

    assert told == set((REPOSITORY / "docs" / "runbooks" / "hub").iterdir())


def test_s51_notices_go_to_the_address_that_is_set(hub: Synthesized, trunk: Delivered) -> None:
    assert trunk.hub is not None
    topic, _ = trunk.hub.only("AWS::SNS::Topic")

    assert hub.all("AWS::SNS::Subscription") == {}
    assert trunk.hub.one("AWS::SNS::Subscription") == {
        "Endpoint": "ops@example.com",
        "Protocol": "email",
        "TopicArn": {"Ref": topic},
    }


def test_alarms_may_publish_and_requests_without_tls_are_denied(hub: Synthesized) -> None:
    statements = hub.one("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    allowed = [s for s in statements if s["Effect"] == "Allow"]

    assert [s["Principal"] for s in allowed] == [{"Service": "cloudwatch.amazonaws.com"}]
    assert allowed[0]["Condition"]["ArnLike"] == {
        "aws:SourceArn": f"arn:aws:cloudwatch:us-east-1:000000000000:alarm:*-{H}"
    }
    assert [s["Condition"] for s in statements if s["Effect"] == "Deny"] == [
        {"Bool": {"aws:SecureTransport": "false"}}
    ]
    # Otherwise nothing would arrive on an encrypted topic or queue. The bus has its own statement,
    # which is for the bus alone.
    in_the_account = {"StringEquals": {"aws:SourceAccount": "000000000000"}}
    services = [
        s["Principal"]["Service"]
        for s in hub.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]
        if s.get("Condition") == in_the_account
    ]
    assert services == ["cloudwatch.amazonaws.com", "events.amazonaws.com"]


def project(hub: Synthesized) -> dict[str, Any]:
    (found,) = hub.properties("AWS::CodeBuild::Project")
    return found


def test_s8_the_build_takes_the_branch_from_the_repository(
    hub: Synthesized, github_hub: Synthesized
) -> None:
    here, there = project(hub)["Source"], project(github_hub)["Source"]

    assert here["Type"] == "CODECOMMIT"
    assert here["Location"]["Fn::Join"][1] == [
        "https://git-codecommit.us-east-1.",
        {"Ref": "AWS::URLSuffix"},
        "/v1/repos/transaction-pipeline",
    ]
    assert (there["Type"], there["Location"]) == (
        "GITHUB",
        "https://github.com/acme/ledger.git",
    )
    assert there["Auth"] == {"Type": "CODECONNECTIONS", "Resource": CONNECTION}


@pytest.mark.parametrize("branch", ["feature/x", "it's $HOME; `x`", 'a"b', "-c", "$(touch x)"])
def test_s8_the_deployment_gets_a_branch_name_unchanged(
    hub: Synthesized, tmp_path: Path, branch: str
) -> None:
    """Run by a shell, with a program in place of npx that lists what it is given."""
    spec = json.loads(project(hub)["Source"]["BuildSpec"])
    npx = tmp_path / ".venv" / "bin" / "npx"
    npx.parent.mkdir(parents=True)
    npx.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    npx.chmod(0o755)
    _, path, deploy = spec["phases"]["build"]["commands"]

    done = subprocess.run(
        ["/bin/sh", "-c", f"{path}\n{deploy}"],
        cwd=tmp_path,
        env={"BRANCH": branch, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )

    words = done.stdout.decode().rstrip("\0").split("\0")
    assert words[:3] == ["--no-install", "cdk", "deploy"]
    assert words[-3:] == ["-c", f"branch={branch}", "DeliveryPipeline-*"]
    assert words[words.index("--require-approval") + 1] == "never"
    # The settings of every pipeline, without those of this branch.
    assert "account=000000000000" in words
    assert "apiPort=8443" in words
    assert sum(word.startswith("branch=") for word in words) == 1
    assert list(tmp_path.iterdir()) == [tmp_path / ".venv"]


def test_the_trunks_pipeline_deploys_the_same_hub_as_a_person(
    trunk: Delivered,
) -> None:
    """Before its environments: an old hub never creates or deletes them."""
    hub = EnvironmentSuffix.of_repository("acme/ledger")
    prepare = trunk.action("BranchHub", "Prepare")["Configuration"]
    template = trunk.outdir / prepare["TemplatePath"].split("::")[1]
    (own,) = trunk.outdir.glob("BranchHub-*.template.json")

    assert list(trunk.stages)[4:6] == ["BranchHub", "Staging"]
    assert prepare["StackName"] == f"BranchHub-{hub}"
    assert _without_ids(template) == _without_ids(own)


# Names that CDK derives from the construct path.
_OF_THE_PLACE = ("Sid", "aws:cdk:path")


def _without_ids(template: Path) -> list[str]:
    """Every resource, without the names that CDK derives from the construct path."""
    resources = json.loads(
        template.read_text(),
        object_hook=lambda found: {k: v for k, v in found.items() if k not in _OF_THE_PLACE},
    )["Resources"]
    return sorted(
        text(["" if r["Type"] == "AWS::Lambda::Permission" else name, r])
        for name, r in resources.items()
    )


def test_no_other_pipeline_deploys_the_hub(delivered: Delivered) -> None:
    assert "BranchHub" not in delivered.stages


def test_s8_the_build_has_its_permissions_before_its_source_is_checked(
    every_hub: Synthesized,
) -> None:
    """CodeBuild gets a token from the connection, with the role, when the project is created."""
    (project,) = every_hub.all("AWS::CodeBuild::Project")
    role = every_hub.resources[project]["Properties"]["ServiceRole"]["Fn::GetAtt"][0]
    policies = [
        name
        for name, policy in every_hub.all("AWS::IAM::Policy").items()
        if {"Ref": role} in policy["Properties"]["Roles"]
    ]

    assert policies
    assert all(every_hub.comes_before(policy, project) for policy in policies)


def test_s8_a_flood_of_webhooks_leaves_concurrency_for_other_functions(
    every_hub: Synthesized,
) -> None:
    """Of the account's functions it alone has a limit; all others share the rest."""
    reserved = {
        text(function["FunctionName"]).strip('"').rsplit("-hub-")[0]: function[
            "ReservedConcurrentExecutions"
        ]
        for function in every_hub.properties("AWS::Lambda::Function")
        if "ReservedConcurrentExecutions" in function
    }

    assert reserved == {"branch-intake": 5}
