"""The build that deploys the pipeline of one branch, from a checkout of that branch."""

import shlex
from typing import Any, Final, cast

from aws_cdk import Duration, Stack
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from constructs import Construct

from branch_hub.functions.lifecycle.verdict import VERDICT
from branch_hub.infrastructure.branch_boundary import role_arn
from branch_hub.infrastructure.hub import Hub
from infra.log_groups import log_group
from infra.python_version import deployed_python
from pipeline import builds
from pipeline.own_pipeline import ACCEPTED, PIPELINE_STACK, REFUSED, OwnPipelineCheck

PROJECT: Final = "branch-pipelines"
_ASSEMBLY: Final = "cdk.out"


class PipelineBuilds(Construct):
    """`project` takes the branch as source version, and BRANCH and SUFFIX as variables."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        hub: Hub,
        context: dict[str, str],
        check: OwnPipelineCheck,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        name = hub.suffix.physical_name(PROJECT)
        group = log_group(self, "Logs", name=f"/aws/codebuild/{name}", key=hub.key)
        role = iam.Role(
            self,
            "Role",
            role_name=hub.suffix.physical_name(f"{PROJECT}-role"),
            assumed_by=iam.ServicePrincipal("codebuild.amazonaws.com"),
        )
        group.grant_write(role)
        for statement in (*hub.source.may_clone(stack), _may_deploy(stack, hub)):
            role.add_to_policy(statement)
        self.project = codebuild.Project(
            self,
            "Project",
            project_name=name,
            description="Deploys the pipeline of the branch that it is started with",
            # All permissions are above: CDK would add log groups and report groups.
            role=role.without_policy_updates(),
            environment=builds.environment(codebuild.ComputeType.SMALL),
            build_spec=codebuild.BuildSpec.from_object(build_spec(context, check)),
            logging=builds.logging(group, prefix=PROJECT),
            timeout=Duration.minutes(30),
        )
        # CodeBuild uses the role to check the connection while it creates the project.
        policy = role.node.find_child("DefaultPolicy")
        self.project.node.add_dependency(policy)
        definition = cast(codebuild.CfnProject, self.project.node.default_child)
        # It has no artifacts: the key is set so that the AWS managed key is never used.
        definition.encryption_key = hub.key.key_arn
        for field, value in hub.source.build_source(stack).items():
            definition.add_property_override(f"Source.{field}", value)


def build_spec(context: dict[str, str], check: OwnPipelineCheck) -> dict[str, Any]:
    """`context` is the same for every branch; the branch itself is in BRANCH and SUFFIX.

    What was checked is deployed: the second command of the CLI does not run the app again. VERDICT
    is the answer of the check; a refusal is no failed build, so that it raises no alarm.
    """
    cdk = ["npx", "--no-install", "cdk"]
    arguments = [part for pair in context.items() for part in ("-c", "=".join(pair))]
    synth = [*cdk, "synth", "--quiet", "--output", _ASSEMBLY, *arguments]
    deploy = [*cdk, "deploy", "--app", _ASSEMBLY, "--require-approval", "never"]
    checking = check.command(_ASSEMBLY, branch='"$BRANCH"', suffix='"$SUFFIX"')
    return {
        "version": "0.2",
        "env": {"exported-variables": [VERDICT]},
        "phases": {
            "install": {"runtime-versions": {"python": deployed_python()}},
            "build": {
                "commands": [
                    "make setup",
                    'export PATH="$PWD/.venv/bin:$PATH"',
                    # Quoted: the shell passes any branch name as one argument.
                    f'{shlex.join(synth)} -c "branch=$BRANCH"',
                    # An assignment keeps the program's exit code, an export would hide it.
                    f'{VERDICT}="$({checking})" || [ $? -eq {REFUSED} ]',
                    f"export {VERDICT}",
                    f'[ "${VERDICT}" != {ACCEPTED} ] '
                    f'|| {shlex.join(deploy)} "{PIPELINE_STACK}-$SUFFIX"',
                ]
            },
        },
    }


def _may_deploy(stack: Stack, hub: Hub) -> iam.PolicyStatement:
    """Only branches: the build runs code of the branch, and the bootstrap's roles deploy anything.

    Nor may it assume the role for lookups, which reads the whole account: no deployment needs it.
    """
    return iam.PolicyStatement(
        actions=["sts:AssumeRole"],
        resources=[
            role_arn(stack, hub.limits.deploy_role_name),
            role_arn(stack, hub.limits.file_role_name),
        ],
    )
