"""How a branch is delivered: source, synth, self-update, assets, environments, in that order."""

from typing import Final, cast

from aws_cdk import Duration, Environment, Stack, pipelines
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from constructs import Construct

from branch_hub.infrastructure.hub_stage import HUB_STAGE, HubStage
from infra.log_groups import log_group, own_helper_logs
from infra.naming import EnvironmentSuffix
from infra.python_version import deployed_python
from pipeline import builds
from pipeline.approval import (
    APPROVAL,
    APPROVAL_TIMEOUT_MINUTES,
    approval_stage,
    approval_steps,
)
from pipeline.artifacts import DOWNLOADS, artifact_bucket, download_cache
from pipeline.delivery_settings import DeliverySettings
from pipeline.encryption import pipeline_key
from pipeline.environment_stage import EnvironmentStage
from pipeline.failure_policy import apply_failure_policy, replace_on_failure
from pipeline.integration_tests import tests_step
from pipeline.notifications import PipelineNotifications
from pipeline.reports import TestReports
from pipeline.stack_tags import source_tags
from pipeline.steps.engine_version import ACTION
from pipeline.tool_versions import Toolchain

NAME: Final = "transaction-pipeline"
STACK_NAME: Final = "DeliveryPipeline"


class DeliveryPipeline(Stack):
    """One branch's pipeline. It updates itself before it deploys anything else."""

    def __init__(
        self, scope: Construct, *, settings: DeliverySettings, toolchain: Toolchain
    ) -> None:
        suffix = settings.suffix
        env = Environment(account=settings.account, region=settings.region)
        origin = source_tags(repository=settings.source.repository, branch=settings.branch)
        super().__init__(
            scope,
            f"{STACK_NAME}-{suffix}",
            description=f"Delivers environment {suffix}",
            tags={**suffix.tags(), **origin},
            env=env,
        )
        key = pipeline_key(self, "Key", suffix=suffix)
        artifacts = artifact_bucket(self, "Artifacts", suffix=suffix, key=key)
        reports = TestReports(self, "Reports", suffix=suffix)
        logs = log_group(
            self, "BuildLogs", name=f"/aws/codebuild/{suffix.physical_name(NAME)}", key=key
        )
        source = settings.source.bind(self, branch=settings.branch)
        synth = pipelines.CodeBuildStep(
            "Synth",
            project_name=suffix.physical_name("transaction-synth"),
            input=source,
            # First of all: no minutes are spent on a branch that was deleted meanwhile.
            install_commands=settings.source.check_branch(branch=settings.branch),
            # A failing check ends the run here: nothing has been deployed.
            commands=["make setup", "make check-deployed", *settings.synth_commands()],
            primary_output_directory="cdk.out",
            build_environment=builds.environment(codebuild.ComputeType.MEDIUM),
            partial_build_spec=builds.runtimes(
                python=deployed_python(),
                sections={
                    "reports": reports.build_spec(),
                    "cache": {"paths": [*DOWNLOADS]},
                    **settings.source.check_environment(),
                },
            ),
            cache=download_cache(artifacts),
            role_policy_statements=[
                reports.may_write(),
                iam.PolicyStatement(actions=[ACTION], resources=["*"]),
                *settings.source.check_permissions(self),
                *settings.source.build_permissions(),
            ],
            logging=builds.logging(logs, prefix="synth"),
            timeout=Duration.minutes(30),
        )
        delivery = pipelines.CodePipeline(
            self,
            "Delivery",
            pipeline_name=suffix.physical_name(NAME),
            pipeline_type=codepipeline.PipelineType.V2,
            # A newer push overtakes an older one; runs side by side would share stacks.
            execution_mode=codepipeline.ExecutionMode.SUPERSEDED,
            synth=synth,
            self_mutation=True,
            cli_version=toolchain.cdk,
            cdk_assets_cli_version=toolchain.cdk_assets,
            # One build per kind of asset: the definition stays the same when assets come and go.
            publish_assets_in_parallel=False,
            # All of a pipeline's environments are kept, or its one is the branch's own.
            use_change_sets=not any(p.may_be_replaced for p in settings.promotions),
            use_pipeline_role_for_actions=True,
            # The other account's roles read the artifacts with the pipeline's own key.
            cross_account_keys=settings.crosses_accounts,
            artifact_bucket=artifacts,
            asset_publishing_code_build_defaults=builds.options(
                logs, prefix="assets", timeout_minutes=30
            ),
            self_mutation_code_build_defaults=builds.options(
                logs, prefix="self-mutation", timeout_minutes=30
            ),
        )
        if settings.carries_hub:
            delivery.add_stage(HubStage(self, HUB_STAGE, settings=settings))
        for promotion in settings.promotions:
            target = promotion.suffix or suffix
            stage = EnvironmentStage(
                self,
                promotion.stage,
                suffix=target,
                config=settings.adjust(promotion.config),
                tags=origin,
                env=Environment(account=settings.account_of(promotion), region=settings.region),
            )
            tests = tests_step(
                self,
                suite=promotion.tests,
                suffix=target,
                source=source,
                outputs=stage.outputs,
                source_permissions=settings.source.build_permissions(),
                log_group=logs,
            )
            if promotion.needs_approval:
                steps = approval_steps(
                    self,
                    suffix=target,
                    stage=promotion.stage,
                    account=settings.account_of(promotion) or self.account,
                    source=source,
                    assembly=synth,
                    toolchain=toolchain,
                    source_permissions=settings.source.build_permissions(),
                    log_group=logs,
                )
                # A stage of its own: rolling production back does not ask again.
                delivery.add_wave(approval_stage(promotion.stage), pre=[steps.gate, steps.approval])
            delivery.add_stage(stage, post=[tests])

        delivery.build_pipeline()
        for statement in settings.source.permissions():
            delivery.pipeline.role.add_to_principal_policy(statement)
        _name_asset_builds(delivery, suffix)
        replace_on_failure(delivery.pipeline, promotions=settings.promotions)
        apply_failure_policy(
            delivery.pipeline,
            promotions=settings.promotions,
            approval=APPROVAL,
            timeout_minutes=APPROVAL_TIMEOUT_MINUTES,
        )
        if triggers := settings.source.triggers(branch=settings.branch):
            definition = cast(codepipeline.CfnPipeline, delivery.pipeline.node.default_child)
            definition.add_property_override("Triggers", triggers)
        PipelineNotifications(
            self,
            "Notifications",
            suffix=suffix,
            pipeline=delivery.pipeline,
            key=key,
            email=settings.alarm_email,
        )
        own_helper_logs(self, suffix=suffix, owner="pipeline", key=key)


def _name_asset_builds(delivery: pipelines.CodePipeline, suffix: EnvironmentSuffix) -> None:
    """CDK Pipelines names the builds of steps and of itself, but not those of assets."""
    assets = delivery.node.find_child("Assets").node
    for construct_id, name in _ASSET_BUILDS.items():
        project = assets.find_child(construct_id).node.default_child
        cast(codebuild.CfnProject, project).name = suffix.physical_name(name)


# By construct id, which CDK Pipelines takes from the kind of asset.
_ASSET_BUILDS: Final = {
    "FileAsset": "transaction-file-assets",
    "DockerAsset": "transaction-image-assets",
}
