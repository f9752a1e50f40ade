"""S3 to S6: what a pipeline does, in which order, and that it goes with its stack."""

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.infra.context import REPOSITORY
from tests.infra.templates import as_list
from tests.pipeline.conftest import CONNECTION, Delivered

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
    _, *synth = commands(delivered, "Build", "Synth")

    assert synth[:2] == ["make setup", "make test"]
    assert [shlex.split(command)[:2] for command in synth[2:]] == [
        ["make", "engine-version"],
        ["make", "synth"],
    ]
    assert delivered.build_spec("Build", "Synth")["artifacts"]["base-directory"] == "cdk.out"


def test_s6_the_synth_command_carries_what_the_first_deploy_was_told(delivered: Delivered) -> None:
    command = commands(delivered, "Build", "Synth")[-1]
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

    assert tags == {
        "application": "transaction-pipeline",
        "environment-suffix": SUFFIX,
        "repository": "transaction-pipeline",
    }


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
    own = (
        "AWS::S3::Bucket",
        "AWS::Logs::LogGroup",
        "AWS::CodeBuild::Project",
        "AWS::KMS::Key",
    )
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
        if "kms:Decrypt" in as_list(statement["Action"]) and "Condition" in statement
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


def test_s63_artifacts_are_encrypted_with_the_pipelines_key_private_and_temporary(
    delivered: Delivered,
) -> None:
    key, _ = delivered.pipeline.only("AWS::KMS::Key")
    bucket = delivered.pipeline.one("AWS::S3::Bucket")
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    store = delivered.pipeline.one("AWS::CodePipeline::Pipeline")["ArtifactStore"]

    assert bucket["BucketName"] == f"transaction-artifacts-000000000000-{SUFFIX}"
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == {"Fn::GetAtt": [key, "Arn"]}
    assert store["EncryptionKey"] == {"Id": {"Fn::GetAtt": [key, "Arn"]}, "Type": "KMS"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 30


def test_s63_the_pipelines_key_is_its_own_and_turns_over(delivered: Delivered) -> None:
    """Whoever builds code holds no key to the data that the code runs on."""
    key = delivered.pipeline.one("AWS::KMS::Key")
    alias = delivered.pipeline.one("AWS::KMS::Alias")

    assert key["EnableKeyRotation"] is True
    assert alias["AliasName"] == f"alias/transaction-pipeline-key-{SUFFIX}"


def test_s64_the_log_service_uses_the_key_for_the_groups_of_this_pipeline(
    delivered: Delivered,
) -> None:
    (condition,) = (
        s["Condition"]
        for s in delivered.pipeline.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]
        if s["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}
    )

    groups = f"arn:aws:logs:us-east-1:000000000000:log-group:*-{SUFFIX}*"
    assert condition == {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}}


def test_s52_build_logs_are_encrypted_with_the_pipelines_key(delivered: Delivered) -> None:
    key, _ = delivered.pipeline.only("AWS::KMS::Key")

    for group in delivered.pipeline.properties("AWS::Logs::LogGroup"):
        assert group["KmsKeyId"] == {"Fn::GetAtt": [key, "Arn"]}


def test_the_first_command_of_a_run_asks_whether_its_branch_is_still_there(
    delivered: Delivered,
) -> None:
    first = commands(delivered, "Build", "Synth")[0]

    assert first == (
        "aws codecommit get-branch --output text "
        "--repository-name transaction-pipeline --branch-name feature/x"
    )


def test_s64_the_synth_may_ask_for_a_branch_of_its_repository(delivered: Delivered) -> None:
    assert permissions(delivered, "Build", "Synth")["codecommit:GetBranch"] == [
        "arn:aws:codecommit:us-east-1:000000000000:transaction-pipeline"
    ]


def test_from_github_the_clone_itself_asks_with_the_connections_credentials(
    from_github: Delivered,
) -> None:
    source = from_github.action("Source", "Source")["Configuration"]

    assert commands(from_github, "Build", "Synth")[0] == (
        "git ls-remote --exit-code --heads origin refs/heads/main"
    )
    assert from_github.build_spec("Build", "Synth")["env"]["git-credential-helper"] == "yes"
    assert source["OutputArtifactFormat"] == "CODEBUILD_CLONE_REF"


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("Build", "Synth"),
        ("Staging", "IntegrationTests"),
        ("ProductionApproval", "PermissionGate"),
        ("Production", "SmokeTests"),
    ],
)
def test_a_build_that_clones_may_use_the_connection_under_both_names(
    from_github: Delivered, stage: str, name: str
) -> None:
    (source,) = from_github.action("Source", "Source")["OutputArtifacts"]
    allowed = permissions(from_github, stage, name)

    assert source in from_github.action(stage, name)["InputArtifacts"]
    for service in ("codeconnections", "codestar-connections"):
        assert allowed[f"{service}:UseConnection"] == [CONNECTION]


def test_test_results_and_coverage_go_to_groups_of_the_pipeline(delivered: Delivered) -> None:
    tests, _ = delivered.pipeline.only(
        "AWS::CodeBuild::ReportGroup", Name=f"transaction-unit-tests-{SUFFIX}", Type="TEST"
    )
    coverage, _ = delivered.pipeline.only(
        "AWS::CodeBuild::ReportGroup", Name=f"transaction-coverage-{SUFFIX}", Type="CODE_COVERAGE"
    )
    expected = {"base-directory": "reports"}

    assert delivered.build_spec("Build", "Synth")["reports"] == {
        f"<{tests}>": {**expected, "files": ["junit.xml"], "file-format": "JUNITXML"},
        f"<{coverage}>": {**expected, "files": ["coverage.xml"], "file-format": "COBERTURAXML"},
    }
    allowed = permissions(delivered, "Build", "Synth")["codebuild:BatchPutTestCases"]
    assert sorted(resource["Fn::GetAtt"][0] for resource in allowed) == sorted([tests, coverage])


def test_make_test_writes_the_reports_that_are_collected() -> None:
    makefile = Path("Makefile").read_text()

    assert "--junitxml=reports/junit.xml" in makefile
    assert "--cov-report=xml:reports/coverage.xml" in makefile


def test_s62_report_groups_go_with_the_reports_in_them(delivered: Delivered) -> None:
    for group in delivered.pipeline.all("AWS::CodeBuild::ReportGroup").values():
        assert group["DeletionPolicy"] == "Delete"
        assert group["Properties"]["DeleteReports"] is True


def test_only_the_synth_keeps_downloads(delivered: Delivered) -> None:
    """And keeps them in the pipeline's own bucket, which goes with it."""
    bucket, _ = delivered.pipeline.only("AWS::S3::Bucket")
    caches = {(stage, name): delivered.project(stage, name)["Cache"] for stage, name, _ in BUILDS}
    kept = caches.pop(("Build", "Synth"))

    assert kept["Type"] == "S3"
    assert {"Ref": bucket} in kept["Location"]["Fn::Join"][1]
    assert {cache["Type"] for cache in caches.values()} == {"NO_CACHE"}
    assert delivered.build_spec("Build", "Synth")["cache"]["paths"] == [
        "/root/.cache/pip/**/*",
        "/root/.npm/**/*",
    ]


def failure_policies(delivered: Delivered) -> dict[str, Any]:
    return {
        stage["Name"]: stage["OnFailure"]
        for stage in delivered.pipeline.one("AWS::CodePipeline::Pipeline")["Stages"]
        if "OnFailure" in stage
    }


def test_no_stage_is_retried_whatever_its_error(delivered: Delivered) -> None:
    """CodePipeline's own retry takes every failure for one that passes: see pipeline_retry."""
    assert failure_policies(delivered) == {}


def test_s31_production_that_fails_its_tests_goes_back_to_the_last_good_run(
    trunk: Delivered,
) -> None:
    assert failure_policies(trunk) == {"Production": {"Result": "ROLLBACK"}}


def test_an_approval_is_not_waited_for_for_ever(trunk: Delivered) -> None:
    assert trunk.action("ProductionApproval", "Approval")["TimeoutInMinutes"] == 24 * 60


def test_the_topic_hears_of_failures_successes_and_approvals(delivered: Delivered) -> None:
    topic, properties = delivered.pipeline.only("AWS::SNS::Topic")
    key, _ = delivered.pipeline.only("AWS::KMS::Key")
    pipeline, _ = delivered.pipeline.only("AWS::CodePipeline::Pipeline")
    rule = delivered.pipeline.one("AWS::CodeStarNotifications::NotificationRule")

    assert set(rule["EventTypeIds"]) == {
        "codepipeline-pipeline-pipeline-execution-failed",
        "codepipeline-pipeline-pipeline-execution-succeeded",
        "codepipeline-pipeline-manual-approval-needed",
    }
    assert rule["Name"] == properties["TopicName"] == f"transaction-pipeline-events-{SUFFIX}"
    assert rule["Targets"] == [{"TargetAddress": {"Ref": topic}, "TargetType": "SNS"}]
    assert pipeline in json.dumps(rule["Resource"])
    assert properties["KmsMasterKeyId"] == {"Fn::GetAtt": [key, "Arn"]}


def test_s63_the_topic_is_for_tls_only_and_for_the_notifications(delivered: Delivered) -> None:
    statements = delivered.pipeline.one("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    denied = [s["Condition"] for s in statements if s["Effect"] == "Deny"]
    allowed = [s["Principal"] for s in statements if s["Effect"] == "Allow"]

    assert denied == [{"Bool": {"aws:SecureTransport": "false"}}]
    assert allowed == [{"Service": "codestar-notifications.amazonaws.com"}]
    # Or nothing would arrive on an encrypted topic.
    key_statements = delivered.pipeline.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]
    assert allowed[0] in [s["Principal"] for s in key_statements]


def test_the_pipeline_with_production_obeys_the_cloudformation_specification(
    trunk: Delivered,
) -> None:
    (template,) = trunk.outdir.glob("DeliveryPipeline-*.template.json")

    done = subprocess.run(
        ["cfn-lint", str(template)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")


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
        hub="also",
    )

    def templates(found: Delivered) -> dict[str, bytes]:
        return {
            str(path.relative_to(found.outdir)): path.read_bytes()
            for path in found.outdir.rglob("*.template.json")
        }

    assert templates(again) == templates(delivered)
    assert len(templates(again)) == 3
