"""S8, B2: the hub's resources, their settings, and who deploys the hub."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from branch_hub.functions.intake.settings import BranchIntakeSettings
from branch_hub.functions.pipeline_retry.settings import PipelineRetrySettings
from branch_hub.functions.reconciler.settings import BranchReconcilerSettings
from branch_hub.functions.shared.lifecycle_settings import BranchLifecycleSettings
from branch_hub.functions.sleep_schedule.settings import BranchSleepScheduleSettings
from branch_hub.functions.sleep_steps.settings import BranchSleepStepsSettings
from branch_hub.functions.teardown.settings import BranchTeardownSettings
from infra.naming import EnvironmentSuffix
from lambda_src.shared.environment_variables import EnvironmentSettings
from tests.branch_hub.infrastructure.hubs import CODECOMMIT_HUB, GITHUB_HUB
from tests.delivered import Delivered
from tests.infra.context import REPOSITORY
from tests.infra.function_logs import assert_fields_reach_the_log
from tests.infra.templates import Synthesized, text

H = CODECOMMIT_HUB
FUNCTIONS: list[tuple[str, type[EnvironmentSettings]]] = [
    ("branch-intake", BranchIntakeSettings),
    ("branch-lifecycle", BranchLifecycleSettings),
    ("branch-teardown", BranchTeardownSettings),
    ("branch-reconciler", BranchReconcilerSettings),
    ("branch-sleep-steps", BranchSleepStepsSettings),
    ("branch-sleep-schedule", BranchSleepScheduleSettings),
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
        "SleepStateMachineArn",
        "WakeStateMachineArn",
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
        assert (told["ENVIRONMENT_QUOTA"], told["LIFETIME_DAYS"]) == ("1", "14")
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


def test_s52_the_fields_of_the_hubs_lines_reach_its_log(every_hub: Synthesized) -> None:
    assert_fields_reach_the_log(every_hub)


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
