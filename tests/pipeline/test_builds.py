"""S4: commands, images, caches and reports of a pipeline's builds."""

import shlex

import pytest

from infra.python_version import deployed_python
from tests.delivered import CONNECTION, SUFFIX, Delivered

BUILDS = [
    ("Build", "Synth", "transaction-synth"),
    ("UpdatePipeline", "SelfMutate", "transaction-pipeline"),
    ("Assets", "FileAssets", "transaction-file-assets"),
    ("Assets", "DockerAssets", "transaction-image-assets"),
    ("Environment", "IntegrationTests", "transaction-integration-tests"),
]


def test_s4_tests_run_before_the_synth_whose_output_is_deployed(delivered: Delivered) -> None:
    _, *synth = delivered.commands("Build", "Synth")

    assert synth[:2] == ["make setup", "make check-deployed"]
    assert [shlex.split(command)[:2] for command in synth[2:]] == [
        ["make", "engine-version"],
        ["make", "synth"],
        ["make", "awake"],
    ]
    assert delivered.build_spec("Build", "Synth")["artifacts"]["base-directory"] == "cdk.out"


def test_the_first_command_of_a_run_checks_that_its_branch_exists(
    delivered: Delivered,
) -> None:
    first = delivered.commands("Build", "Synth")[0]

    assert first == (
        "aws codecommit get-branch --output text "
        "--repository-name transaction-pipeline --branch-name feature/x"
    )


def test_s64_the_synth_may_read_a_branch_of_its_repository(delivered: Delivered) -> None:
    assert delivered.permissions("Build", "Synth")["codecommit:GetBranch"] == [
        "arn:aws:codecommit:us-east-1:000000000000:transaction-pipeline"
    ]


def test_a_github_clone_checks_the_branch_with_the_connections_credentials(
    from_github: Delivered,
) -> None:
    source = from_github.action("Source", "Source")["Configuration"]

    assert from_github.commands("Build", "Synth")[0] == (
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
    allowed = from_github.permissions(stage, name)

    assert source in from_github.action(stage, name)["InputArtifacts"]
    for service in ("codeconnections", "codestar-connections"):
        assert allowed[f"{service}:UseConnection"] == [CONNECTION]


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
    assert languages in ({"python": deployed_python()}, {"nodejs": "22"})
    # Only the build of images starts containers of its own.
    assert environment["PrivilegedMode"] is (name == "DockerAssets")


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
    allowed = delivered.permissions("Build", "Synth")["codebuild:BatchPutTestCases"]
    assert sorted(resource["Fn::GetAtt"][0] for resource in allowed) == sorted([tests, coverage])


def test_s62_report_groups_are_deleted_with_their_reports(delivered: Delivered) -> None:
    for group in delivered.pipeline.all("AWS::CodeBuild::ReportGroup").values():
        assert group["DeletionPolicy"] == "Delete"
        assert group["Properties"]["DeleteReports"] is True


def test_only_the_synth_keeps_downloads(delivered: Delivered) -> None:
    """It keeps them in the pipeline's own bucket, which is deleted with the pipeline."""
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
