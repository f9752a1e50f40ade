"""The delivery of one branch: source, synth, self-update, assets, environments, in this order."""

import shlex
from collections.abc import Callable, Sequence
from typing import cast

from aws_cdk import Aspects, Duration, Environment, Stack, Stage, pipelines
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.log_groups import log_group, own_helper_logs
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
from pipeline.engine_versions import may_choose_engine_versions
from pipeline.environment_stage import EnvironmentStage
from pipeline.exact_actions import ExactActions
from pipeline.failure_policy import apply_failure_policy, replace_on_failure
from pipeline.integration_tests import tests_step
from pipeline.notifications import PipelineNotifications
from pipeline.own_pipeline import PIPELINE, PIPELINE_STACK, OwnPipelineCheck
from pipeline.promotion import Promotion
from pipeline.reports import TestReports
from pipeline.role_names import GATE_ROLE, SYNTH_ROLE, name_role, name_roles
from pipeline.stack_tags import source_tags
from pipeline.steps.awake import READS as READS_CLUSTER
from pipeline.tool_versions import Toolchain


class DeliveryPipeline(Stack):
    """One branch's pipeline. It updates itself before it deploys anything else.

    `first_stages` are deployed before the environments; each is created in the pipeline's scope.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        settings: DeliverySettings,
        toolchain: Toolchain,
        first_stages: Sequence[Callable[[Construct], Stage]] = (),
    ) -> None:
        self._settings = settings
        self._toolchain = toolchain
        self._suffix = suffix = settings.suffix
        self._origin = source_tags(repository=settings.source.repository, branch=settings.branch)
        limits = settings.limits
        super().__init__(
            scope,
            f"{PIPELINE_STACK}-{suffix}",
            synthesizer=limits.synthesizer() if limits else None,
            permissions_boundary=limits.boundary() if limits else None,
            description=f"Delivers environment {suffix}",
            tags={**suffix.tags(), **self._origin},
            env=Environment(account=settings.account, region=settings.region),
        )
        self._key = pipeline_key(self, "Key", suffix=suffix)
        self._artifacts = artifact_bucket(self, "Artifacts", suffix=suffix, key=self._key)
        reports = TestReports(self, "Reports", suffix=suffix)
        self._logs = log_group(
            self,
            "BuildLogs",
            name=f"/aws/codebuild/{suffix.physical_name(PIPELINE)}",
            key=self._key,
        )

        self._gates: list[pipelines.CodeBuildStep] = []
        self._source = settings.source.bind(self, branch=settings.branch)
        self._synth = self._synth_step(reports)
        delivery = self._self_updating_pipeline()
        for create_stage in first_stages:
            delivery.add_stage(create_stage(self))
        for promotion in settings.promotions:
            self._add_environment(delivery, promotion)
        delivery.build_pipeline()
        self._complete(delivery)
        if limits:
            limits.place_roles(self)

    def _synth_step(self, reports: TestReports) -> pipelines.CodeBuildStep:
        """Check the commit, then synthesize it. If a check fails, the run ends here."""
        source = self._settings.source
        return pipelines.CodeBuildStep(
            "Synth",
            project_name=self._suffix.physical_name("transaction-synth"),
            input=self._source,
            # First, so that the build ends at once if the branch was deleted.
            install_commands=source.check_branch(branch=self._settings.branch),
            commands=["make setup", "make check-deployed", *self._settings.synth_commands()],
            primary_output_directory="cdk.out",
            build_environment=builds.environment(codebuild.ComputeType.MEDIUM),
            partial_build_spec=builds.runtimes(
                python=deployed_python(),
                sections={
                    "reports": reports.build_spec(),
                    "cache": {"paths": [*DOWNLOADS]},
                    **source.check_environment(),
                },
            ),
            cache=download_cache(self._artifacts),
            role_policy_statements=[
                reports.may_write(),
                *may_choose_engine_versions(self, self._settings.clusters),
                *self._may_wait_until_awake(),
                *source.check_permissions(self),
                *source.build_permissions(),
            ],
            logging=builds.logging(self._logs, prefix="synth"),
            # A branch may wait until its environment is awake (pipeline/steps/awake.py).
            timeout=Duration.minutes(30 if self._settings.limits is None else 75),
        )

    def _may_wait_until_awake(self) -> list[iam.PolicyStatement]:
        """See pipeline/steps/awake.py. The trunk's environments never sleep."""
        if self._settings.limits is None:
            return []
        cluster = self.format_arn(
            service="ecs", resource="cluster", resource_name=self._settings.ecs_cluster
        )
        return [iam.PolicyStatement(actions=[READS_CLUSTER], resources=[cluster])]

    def _self_updating_pipeline(self) -> pipelines.CodePipeline:
        return pipelines.CodePipeline(
            self,
            "Delivery",
            pipeline_name=self._suffix.physical_name(PIPELINE),
            pipeline_type=codepipeline.PipelineType.V2,
            # A newer push replaces a waiting older one; parallel runs would share stacks.
            execution_mode=codepipeline.ExecutionMode.SUPERSEDED,
            synth=self._synth,
            self_mutation=True,
            cli_version=self._toolchain.cdk,
            cdk_assets_cli_version=self._toolchain.cdk_assets,
            # One build per kind of asset: the definition stays the same when assets come and go.
            publish_assets_in_parallel=False,
            # Environments with data to keep are deployed through change sets.
            use_change_sets=not any(p.may_be_replaced for p in self._settings.promotions),
            use_pipeline_role_for_actions=True,
            # The other account's roles read the artifacts with the pipeline's own key.
            cross_account_keys=self._settings.crosses_accounts,
            artifact_bucket=self._artifacts,
            asset_publishing_code_build_defaults=builds.options(
                self._logs,
                prefix="assets",
                timeout_minutes=30,
                architecture=self._settings.image_architecture,
            ),
            self_mutation_code_build_defaults=builds.options(
                self._logs,
                prefix="self-mutation",
                timeout_minutes=30,
                first=self._check_of_a_branch(),
            ),
        )

    def _check_of_a_branch(self) -> list[str]:
        """The command that refuses an app that is more than this branch's. The trunk has none."""
        settings = self._settings
        if settings.is_trunk:
            return []
        check = OwnPipelineCheck(
            source=settings.source, account=settings.account, region=settings.region
        )
        return [check.command(".", branch=shlex.quote(settings.branch), suffix=str(self._suffix))]

    def _add_environment(self, delivery: pipelines.CodePipeline, promotion: Promotion) -> None:
        """Deploy one environment and test it; first ask for approval if it needs one."""
        settings = self._settings
        suffix = promotion.suffix or self._suffix
        account = settings.account_of(promotion)
        stage = EnvironmentStage(
            self,
            promotion.stage,
            suffix=suffix,
            config=settings.adjust(promotion.config),
            tags=self._origin,
            env=Environment(account=account, region=settings.region),
            limits=settings.limits,
        )
        tests = tests_step(
            self,
            suite=promotion.tests,
            suffix=suffix,
            source=self._source,
            outputs=stage.outputs,
            source_permissions=settings.source.build_permissions(),
            log_group=self._logs,
        )
        if promotion.needs_approval:
            steps = approval_steps(
                self,
                suffix=suffix,
                stage=promotion.stage,
                account=account or self.account,
                source=self._source,
                assembly=self._synth,
                toolchain=self._toolchain,
                source_permissions=settings.source.build_permissions(),
                log_group=self._logs,
            )
            self._gates.append(steps.gate)
            # In a stage of its own, so that rolling production back does not ask again.
            delivery.add_wave(approval_stage(promotion.stage), pre=[steps.gate, steps.approval])
        delivery.add_stage(stage, post=[tests])

    def _complete(self, delivery: pipelines.CodePipeline) -> None:
        """Set what CDK Pipelines has no option for, on the pipeline that it has built."""
        settings = self._settings
        for statement in settings.source.permissions():
            delivery.pipeline.role.add_to_principal_policy(statement)
        builds.name_asset_builds(delivery, suffix=self._suffix)
        name_roles(delivery, suffix=self._suffix)
        name_role(self._synth.project, SYNTH_ROLE, suffix=self._suffix)
        for gate in self._gates:
            name_role(gate.project, GATE_ROLE, suffix=self._suffix)
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
            suffix=self._suffix,
            pipeline=delivery.pipeline,
            key=self._key,
            email=settings.alarm_email,
            shared_topic=settings.shared_topic,
        )
        own_helper_logs(self, suffix=self._suffix, owner="pipeline", key=self._key)
        Aspects.of(self).add(ExactActions())
