"""S3, S6: the stages of a pipeline in their order, and its reaction to failures."""

import json
import shlex
from pathlib import Path
from typing import Any

from infra.fault_injection import FAULTS_STACK
from pipeline.passed_context import DECIDED_OUTSIDE
from tests.delivered import ON_CODECOMMIT, SUFFIX, Delivered


def test_s6_the_pipeline_updates_itself_before_it_deploys_anything_else(
    delivered: Delivered,
) -> None:
    assert list(delivered.stages) == ["Source", "Build", "UpdatePipeline", "Assets", "Environment"]


def test_s6_a_newer_push_supersedes_and_a_new_definition_restarts(delivered: Delivered) -> None:
    pipeline = delivered.pipeline.one("AWS::CodePipeline::Pipeline")

    assert pipeline["PipelineType"] == "V2"
    assert pipeline["ExecutionMode"] == "SUPERSEDED"
    assert pipeline["RestartExecutionOnUpdate"] is True
    assert pipeline["Name"] == f"transaction-pipeline-{SUFFIX}"


def test_s6_the_synth_command_contains_the_context_of_the_first_deployment(
    delivered: Delivered,
) -> None:
    command = delivered.commands("Build", "Synth")[-2]  # the last one waits
    (assignment,) = shlex.split(command)[2:]
    flags = shlex.split(assignment.removeprefix("CDK_CONTEXT=").replace("$$", "$"))

    own = {flag for flag in flags[1::2] if flag.partition("=")[0] not in DECIDED_OUTSIDE}
    assert own == {
        "apiPort=8443",
        "databaseCaFile=/it's/a $HOME/ca.pem",
        'faultInjection={"ephemeral":true}',
    }
    assert {"branch=feature/x", "account=000000000000", "region=us-east-1"} <= {*flags[1::2]}


def test_s6_the_tools_of_the_pipeline_are_pinned(delivered: Delivered) -> None:
    pins = json.loads(Path("package.json").read_text())["devDependencies"]

    assert f"npm install -g aws-cdk@{pins['aws-cdk']}" in delivered.commands(
        "UpdatePipeline", "SelfMutate"
    )
    for assets in ("FileAssets", "DockerAssets"):
        assert f"npm install -g cdk-assets@{pins['cdk-assets']}" in delivered.commands(
            "Assets", assets
        )


def test_s6_the_pipeline_deploys_itself_and_nothing_else(delivered: Delivered) -> None:
    deploy = delivered.commands("UpdatePipeline", "SelfMutate")[-1]

    assert f" deploy DeliveryPipeline-{SUFFIX} " in deploy
    assert "--require-approval=never" in deploy


def test_s6_the_same_commit_and_context_give_the_same_pipeline(
    delivered: Delivered, tmp_path: Path
) -> None:
    """Self-mutation ends: the pipeline deploys the definition that it already has."""
    again = Delivered.synthesize(tmp_path / "cdk.out", **ON_CODECOMMIT)

    def templates(found: Delivered) -> dict[str, bytes]:
        return {
            str(path.relative_to(found.outdir)): path.read_bytes()
            for path in found.outdir.rglob("*.template.json")
        }

    assert templates(again) == templates(delivered)
    assert len(templates(again)) == 4


def deployments(found: Delivered, stage: str) -> list[tuple[str, str]]:
    """The deployment actions of a stage with their stacks, in order."""
    actions = [a for a in found.stages[stage] if a["ActionTypeId"]["Provider"] == "CloudFormation"]
    return [
        (a["Configuration"]["ActionMode"], a["Configuration"]["StackName"])
        for a in sorted(actions, key=lambda action: int(action["RunOrder"]))
    ]


def test_s3_a_failed_first_deployment_does_not_block_the_next_one(
    delivered: Delivered,
) -> None:
    """After a failed first deployment a stack accepts no change set, so later pushes would fail."""
    assert deployments(delivered, "Environment") == [
        ("REPLACE_ON_FAILURE", f"transaction-{SUFFIX}"),
        ("REPLACE_ON_FAILURE", f"{FAULTS_STACK}-{SUFFIX}"),
    ]


def test_s3_an_environment_with_data_to_keep_is_never_replaced(trunk: Delivered) -> None:
    for stage, stack in (
        ("BranchHub", None),
        ("Staging", "transaction-staging"),
        ("Production", "transaction-production"),
    ):
        (prepare, execute, *_) = deployments(trunk, stage)
        assert (prepare[0], execute[0]) == ("CHANGE_SET_REPLACE", "CHANGE_SET_EXECUTE")
        assert prepare[1] == execute[1]
        assert stack is None or prepare[1] == stack


def test_the_environment_stack_is_found_by_its_tags(delivered: Delivered) -> None:
    configuration = delivered.action("Environment", f"transaction-{SUFFIX}.Deploy")[
        "Configuration"
    ]["TemplateConfiguration"]
    tags = json.loads((delivered.outdir / configuration.split("::")[1]).read_text())["Tags"]

    assert tags == {
        "application": "transaction-pipeline",
        "environment-suffix": SUFFIX,
        "repository": "transaction-pipeline",
        "branch": "feature/x",
    }


def test_the_environment_is_adjusted_to_its_account_and_region(delivered: Delivered) -> None:
    path = delivered.action("Environment", f"transaction-{SUFFIX}.Deploy")["Configuration"][
        "TemplatePath"
    ].split("::")[1]
    template = json.loads((delivered.outdir / path).read_text())["Resources"].values()
    (port,) = (
        r["Properties"]["Port"]
        for r in template
        if r["Type"] == "AWS::ElasticLoadBalancingV2::Listener"
    )

    assert port == 8443


def failure_policies(delivered: Delivered) -> dict[str, Any]:
    return {
        stage["Name"]: stage["OnFailure"]
        for stage in delivered.pipeline.one("AWS::CodePipeline::Pipeline")["Stages"]
        if "OnFailure" in stage
    }


def test_codepipeline_retries_no_stage_by_itself(delivered: Delivered) -> None:
    """CodePipeline's own retry would repeat every failure: see pipeline_retry."""
    assert failure_policies(delivered) == {}


def test_s31_production_is_rolled_back_if_its_tests_fail(
    trunk: Delivered,
) -> None:
    assert failure_policies(trunk) == {"Production": {"Result": "ROLLBACK"}}


def test_an_approval_has_a_timeout(trunk: Delivered) -> None:
    assert trunk.action("ProductionApproval", "Approval")["TimeoutInMinutes"] == 24 * 60
