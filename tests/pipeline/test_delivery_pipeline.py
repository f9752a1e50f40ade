"""S3 to S6: what a pipeline does, in which order, and that it goes with its stack."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.infra.templates import as_list
from tests.pipeline.conftest import Delivered

BUILDS = [
    ("Build", "Synth", "transaction-synth"),
    ("UpdatePipeline", "SelfMutate", "transaction-pipeline"),
    ("Assets", "FileAssets", "transaction-file-assets"),
    ("Assets", "DockerAssets", "transaction-image-assets"),
    ("Environment", "IntegrationTests", "transaction-integration-tests"),
]
SUFFIX = "feature-x-2bdd6c"


def commands(delivered: Delivered, stage: str, name: str) -> list[str]:
    phases = delivered.build_spec(stage, name)["phases"]
    return [
        *phases.get("install", {}).get("commands", []),
        *phases["build"]["commands"],
    ]


def test_s6_the_pipeline_updates_itself_before_it_touches_anything_else(
    delivered: Delivered,
) -> None:
    assert list(delivered.stages) == ["Source", "Build", "UpdatePipeline", "Assets", "Environment"]


def test_s6_a_newer_push_overtakes_and_a_new_definition_starts_over(delivered: Delivered) -> None:
    pipeline = delivered.pipeline.one("AWS::CodePipeline::Pipeline")

    assert pipeline["PipelineType"] == "V2"
    assert pipeline["ExecutionMode"] == "SUPERSEDED"
    assert pipeline["RestartExecutionOnUpdate"] is True
    assert pipeline["Name"] == f"transaction-pipeline-{SUFFIX}"


def test_s4_tests_run_before_the_synth_whose_output_is_deployed(delivered: Delivered) -> None:
    synth = commands(delivered, "Build", "Synth")

    assert synth[:2] == ["make setup", "make test"]
    assert shlex.split(synth[2])[:2] == ["make", "synth"]
    assert len(synth) == 3
    assert delivered.build_spec("Build", "Synth")["artifacts"]["base-directory"] == "cdk.out"


def test_s6_the_synth_command_carries_what_the_first_deploy_was_told(delivered: Delivered) -> None:
    command = commands(delivered, "Build", "Synth")[2]
    (assignment,) = shlex.split(command)[2:]
    flags = shlex.split(assignment.removeprefix("CDK_CONTEXT=").replace("$$", "$"))

    assert flags[1::2] == [
        "branch=feature/x",
        "account=000000000000",
        "region=us-east-1",
        "apiPort=8443",
        "databaseCaFile=/it's/a $HOME/ca.pem",
    ]


def test_s6_the_tools_of_the_pipeline_are_pinned(delivered: Delivered) -> None:
    pins = json.loads(Path("package.json").read_text())["devDependencies"]

    assert f"npm install -g aws-cdk@{pins['aws-cdk']}" in commands(
        delivered, "UpdatePipeline", "SelfMutate"
    )
    for assets in ("FileAssets", "DockerAssets"):
        assert f"npm install -g cdk-assets@{pins['cdk-assets']}" in commands(
            delivered, "Assets", assets
        )


def test_s6_the_pipeline_deploys_itself_and_nothing_else(delivered: Delivered) -> None:
    deploy = commands(delivered, "UpdatePipeline", "SelfMutate")[-1]

    assert f" deploy DeliveryPipeline-{SUFFIX} " in deploy
    assert "--require-approval=never" in deploy


@pytest.mark.parametrize(("stage", "name", "project"), BUILDS)
def test_s60_a_build_is_named_by_the_suffix(
    delivered: Delivered, stage: str, name: str, project: str
) -> None:
    assert delivered.project(stage, name)["Name"].startswith(f"{project}-{SUFFIX}")


@pytest.mark.parametrize(("stage", "name", "_"), BUILDS)
def test_s52_a_build_logs_to_the_pipelines_own_group(
    delivered: Delivered, stage: str, name: str, _: str
) -> None:
    group, properties = delivered.pipeline.only(
        "AWS::Logs::LogGroup", LogGroupName=f"/aws/codebuild/transaction-pipeline-{SUFFIX}"
    )
    logs = delivered.project(stage, name)["LogsConfig"]["CloudWatchLogs"]

    assert logs["GroupName"] == {"Ref": group}
    assert properties["RetentionInDays"] == 7


@pytest.mark.parametrize(("stage", "name", "_"), BUILDS)
def test_a_build_runs_on_a_current_image_with_pinned_languages(
    delivered: Delivered, stage: str, name: str, _: str
) -> None:
    environment = delivered.project(stage, name)["Environment"]
    languages = delivered.build_spec(stage, name)["phases"]["install"]["runtime-versions"]

    assert environment["Image"] == "aws/codebuild/standard:7.0"
    assert environment["Type"] == "LINUX_CONTAINER"
    assert languages in ({"python": "3.11"}, {"nodejs": "22"})
    # Only the build of images starts containers of its own.
    assert environment["PrivilegedMode"] is (name == "DockerAssets")


def test_s3_the_environment_is_deployed_as_one_change_set(delivered: Delivered) -> None:
    stack = f"transaction-{SUFFIX}"
    prepare = delivered.action("Environment", f"{stack}.Prepare")
    deploy = delivered.action("Environment", f"{stack}.Deploy")

    assert prepare["Configuration"]["StackName"] == stack
    assert prepare["Configuration"]["ActionMode"] == "CHANGE_SET_REPLACE"
    assert deploy["Configuration"]["ActionMode"] == "CHANGE_SET_EXECUTE"
    assert prepare["RunOrder"] < deploy["RunOrder"]


def test_the_environment_stack_is_found_by_its_tags(delivered: Delivered) -> None:
    configuration = delivered.action("Environment", f"transaction-{SUFFIX}.Prepare")[
        "Configuration"
    ]["TemplateConfiguration"]
    tags = json.loads((delivered.outdir / configuration.split("::")[1]).read_text())["Tags"]

    assert tags == {"application": "transaction-pipeline", "environment-suffix": SUFFIX}


def test_the_environment_is_adjusted_to_the_place(delivered: Delivered) -> None:
    path = delivered.action("Environment", f"transaction-{SUFFIX}.Prepare")["Configuration"][
        "TemplatePath"
    ].split("::")[1]
    template = json.loads((delivered.outdir / path).read_text())["Resources"].values()
    (port,) = (
        r["Properties"]["Port"]
        for r in template
        if r["Type"] == "AWS::ElasticLoadBalancingV2::Listener"
    )

    assert port == 8443


def test_s5_tests_follow_the_deployment_and_learn_its_addresses(delivered: Delivered) -> None:
    tests = delivered.action("Environment", "IntegrationTests")
    deploy = delivered.action("Environment", f"transaction-{SUFFIX}.Deploy")
    told = {
        v["name"]: v["value"] for v in json.loads(tests["Configuration"]["EnvironmentVariables"])
    }

    assert tests["RunOrder"] > deploy["RunOrder"]
    assert told == {
        variable: f"#{{{deploy['Namespace']}.{output}}}"
        for variable, output in {
            "API_URL": "ApiUrl",
            "API_CERTIFICATE_DER": "ApiCertificateDer",
            "TRANSACTION_QUEUE_URL": "TransactionQueueUrl",
            "AUDIT_BUCKET_NAME": "AuditBucketName",
            "SESSIONS_TABLE_NAME": "SessionsTableName",
            "API_CREDENTIALS_SECRET_NAME": "ApiCredentialsSecretName",
            "ENVIRONMENT_SUFFIX": "EnvironmentSuffix",
        }.items()
    }
    assert commands(delivered, "Environment", "IntegrationTests") == [
        "make setup",
        "make integration-test",
    ]


def test_s5_tests_run_from_the_commit_that_was_deployed(delivered: Delivered) -> None:
    (source,) = delivered.action("Source", "Source")["OutputArtifacts"]

    assert delivered.action("Environment", "IntegrationTests")["InputArtifacts"] == [source]
    assert delivered.action("Build", "Synth")["InputArtifacts"] == [source]


def permissions(
    delivered: Delivered, stage: str = "Environment", name: str = "IntegrationTests"
) -> dict[str, list[Any]]:
    """What the integration tests may do in the environment, and on what."""
    role = delivered.project(stage, name)["ServiceRole"]["Fn::GetAtt"][0]
    own = ("AWS::S3::Bucket", "AWS::Logs::LogGroup", "AWS::CodeBuild::Project")
    return {
        action: as_list(statement["Resource"])
        for policy in delivered.pipeline.properties("AWS::IAM::Policy")
        if {"Ref": role} in policy["Roles"]
        for statement in policy["PolicyDocument"]["Statement"]
        if not any(
            logical_id in json.dumps(statement)
            for kind in own
            for logical_id in delivered.pipeline.all(kind)
        )
        for action in as_list(statement["Action"])
    }


def test_s64_tests_may_do_what_they_need_and_nothing_else(delivered: Delivered) -> None:
    here = "us-east-1:000000000000"
    secret = f"arn:aws:secretsmanager:{here}:secret:transaction-api-credentials-{SUFFIX}-??????"
    queue = f"arn:aws:sqs:{here}:transaction-queue-{SUFFIX}"
    table = f"arn:aws:dynamodb:{here}:table/transaction-sessions-{SUFFIX}"
    bucket = f"arn:aws:s3:::transaction-audit-000000000000-{SUFFIX}"

    assert permissions(delivered) == {
        "secretsmanager:GetSecretValue": [secret],
        "sqs:GetQueueAttributes": [queue],
        "sqs:SendMessage": [queue],
        "s3:ListBucket": [bucket],
        "s3:GetObject": [f"{bucket}/*"],
        "dynamodb:GetItem": [table, f"{table}/index/*"],
        "dynamodb:Query": [table, f"{table}/index/*"],
        "kms:Decrypt": [f"arn:aws:kms:{here}:key/*"],
        "kms:GenerateDataKey": [f"arn:aws:kms:{here}:key/*"],
    }


def test_s64_tests_may_use_only_the_key_of_their_environment(delivered: Delivered) -> None:
    conditions = [
        statement["Condition"]
        for policy in delivered.pipeline.properties("AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
        if "kms:Decrypt" in as_list(statement["Action"])
    ]

    assert conditions == [
        {"ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/transaction-key-{SUFFIX}"}}
    ]


def test_s62_nothing_of_the_pipeline_stays_when_it_goes(delivered: Delivered) -> None:
    bucket, _ = delivered.pipeline.only("AWS::S3::Bucket")
    keeping = [
        name
        for name, r in delivered.pipeline.resources.items()
        if r.get("DeletionPolicy") not in (None, "Delete")
    ]

    assert keeping == []
    assert delivered.pipeline.resources[bucket]["DeletionPolicy"] == "Delete"
    assert delivered.pipeline.one("Custom::S3AutoDeleteObjects")["BucketName"] == {"Ref": bucket}


def test_s52_the_helper_that_empties_the_bucket_logs_to_an_owned_group(
    delivered: Delivered,
) -> None:
    (helper,) = delivered.pipeline.properties("AWS::Lambda::Function")
    group = delivered.pipeline.resources[helper["LoggingConfig"]["LogGroup"]["Ref"]]

    assert group["Properties"]["LogGroupName"] == (
        f"/aws/lambda/pipeline-s3-auto-delete-objects-{SUFFIX}"
    )


def test_artifacts_are_encrypted_private_and_temporary(delivered: Delivered) -> None:
    bucket = delivered.pipeline.one("AWS::S3::Bucket")

    assert bucket["BucketName"] == f"transaction-artifacts-000000000000-{SUFFIX}"
    assert bucket["BucketEncryption"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 7


def test_without_an_account_the_pipeline_is_for_whichever_deploys_it(
    from_github: Delivered,
) -> None:
    assert from_github.pipeline.one("AWS::S3::Bucket")["BucketName"] == {
        "Fn::Join": ["", ["transaction-artifacts-", {"Ref": "AWS::AccountId"}, "-main-f921bd"]]
    }


def test_s6_the_same_commit_and_context_give_the_same_pipeline(
    delivered: Delivered, tmp_path: Path
) -> None:
    """Self-mutation ends: what it deploys is what it was deployed from."""
    again = Delivered.synthesize(
        tmp_path / "cdk.out",
        branch="feature/x",
        account="000000000000",
        apiPort="8443",
        databaseCaFile="/it's/a $HOME/ca.pem",
    )

    def templates(found: Delivered) -> dict[str, bytes]:
        return {
            str(path.relative_to(found.outdir)): path.read_bytes()
            for path in found.outdir.rglob("*.template.json")
        }

    assert templates(again) == templates(delivered)
    assert len(templates(again)) == 2
