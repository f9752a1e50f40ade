"""The steps before production: the permission gate, then a manual approval with its result."""

from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration, Stack, pipelines
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from infra.naming import EnvironmentSuffix
from infra.python_version import deployed_python
from pipeline import builds
from pipeline.lookup_role import lookup_role_arn
from pipeline.tool_versions import Toolchain

GATE: Final = "PermissionGate"
APPROVAL: Final = "Approval"
SUMMARY_VARIABLE: Final = "PERMISSION_CHANGES"
# A day: long enough for any time zone, too short for a forgotten change to wait for months.
APPROVAL_TIMEOUT_MINUTES: Final = 24 * 60
_ASSEMBLY: Final = "cdk.out"


@dataclass(frozen=True, kw_only=True)
class ApprovalSteps:
    """Two steps in this order: every approved change was compared first."""

    gate: pipelines.CodeBuildStep
    approval: pipelines.ManualApprovalStep


def approval_stage(stage: str) -> str:
    """Return the name of the pipeline stage in which `stage` is approved."""
    return f"{stage}Approval"


def approval_steps(
    stack: Stack,
    *,
    suffix: EnvironmentSuffix,
    stage: str,
    account: str,
    source: pipelines.IFileSetProducer,
    assembly: pipelines.IFileSetProducer,
    toolchain: Toolchain,
    source_permissions: list[iam.PolicyStatement],
    log_group: logs.ILogGroup,
) -> ApprovalSteps:
    """Compare the stacks of `stage` with the deployed ones; show the result in the approval."""
    gate = pipelines.CodeBuildStep(
        GATE,
        project_name=suffix.physical_name("transaction-permission-gate"),
        input=source,
        additional_inputs={_ASSEMBLY: assembly},
        install_commands=[f"npm install -g aws-cdk@{toolchain.cdk}"],
        # Two commands: an assignment keeps the program's exit code, an export would hide it.
        commands=[
            f'{SUMMARY_VARIABLE}="$(python3 -m pipeline.steps.permission_gate {_ASSEMBLY} '
            f"'{stack.node.path}/{stage}/*')\"",
            f"export {SUMMARY_VARIABLE}",
        ],
        build_environment=builds.environment(codebuild.ComputeType.SMALL),
        partial_build_spec=builds.runtimes(python=deployed_python(), nodejs=builds.NODE),
        logging=builds.logging(log_group, prefix="permission-gate"),
        timeout=Duration.minutes(15),
        role_policy_statements=[
            *source_permissions,
            # It reads templates and cannot change anything.
            iam.PolicyStatement(
                actions=["sts:AssumeRole"],
                resources=[lookup_role_arn(account=account, region=stack.region)],
            ),
        ],
    )
    approval = pipelines.ManualApprovalStep(
        APPROVAL,
        comment=(
            f"{gate.exported_variable(SUMMARY_VARIABLE)}. "
            f"The whole difference is in the log of {GATE}."
        ),
    )
    approval.add_step_dependency(gate)
    return ApprovalSteps(gate=gate, approval=approval)
