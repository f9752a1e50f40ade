"""The drills of an environment, as experiment templates of AWS Fault Injection Service (FIS).

A stack of its own beside the environment's: it can be added and removed without touching that one.
It refers to the environment by names and tags alone. `make drill` (operations/drills/) starts an
experiment; docs/recovery.md says what each drill shows.
"""

from typing import Final

from aws_cdk import ArnFormat, Fn, IStackSynthesizer, PermissionsBoundary, Stack
from aws_cdk.aws_fis import CfnExperimentTemplate as Template
from constructs import Construct

from infra.encryption import key_with_logs
from infra.experiment_role import experiment_logs, experiment_role
from infra.fault_actions import FaultAction, Faults
from infra.naming import EnvironmentSuffix
from infra.network import ZONES
from lambda_src.shared.drills import (
    CUT_DATABASE,
    DRILL_TAG,
    FAULTS_STACK,
    KILL_DATABASE,
    KILL_TASK,
    LOSE_ZONE,
    ZONE_TAG,
)

# Each says that a promise is broken: a record was changed, something acknowledged is missing, or
# something was given up. No drill may raise one of them. What every fault raises (failed requests,
# latency, too few tasks, an open breaker, a spent error budget) would end a drill before it has
# shown whether the system recovers. The template limits how long a fault lasts. FIS allows five
# alarms, and starts nothing while one of them is raised.
STOP_ALARMS: Final = (
    "audit-altered",
    "audit-discrepancies",
    "audit-dead-letters",
    "outbox-set-aside",
    "transaction-dead-letters",
)
_ZONE_MINUTES: Final = 5
_CUT_MINUTES: Final = 1  # the shortest that FIS knows


class FaultInjection(Stack):
    """A template for each of `DRILLS`, their role, and the log of experiments.

    Deploy it after the environment's stack, whose alarms it names.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        synthesizer: IStackSynthesizer | None = None,
        permissions_boundary: PermissionsBoundary | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            synthesizer=synthesizer,
            permissions_boundary=permissions_boundary,
            stack_name=f"{FAULTS_STACK}-{suffix}",
            description=f"Drills for environment {suffix}",
            tags=suffix.tags(),
        )
        self._suffix = suffix
        key = key_with_logs(
            self,
            "Key",
            suffix=suffix,
            alias=f"alias/{suffix.physical_name('transaction-faults-key')}",
            description=f"Logs of drills in environment {suffix}",
        )
        self._logs = experiment_logs(self, "Logs", suffix=suffix, key=key)
        self._role = experiment_role(self, "Role", suffix=suffix)
        faults = Faults(stack=self, suffix=suffix)

        self._template("KillTask", KILL_TASK, tasks=faults.stop_one_task())
        self._template("KillDatabase", KILL_DATABASE, writer=faults.fail_over())
        self._template(
            "CutDatabase", CUT_DATABASE, network=faults.cut_database(minutes=_CUT_MINUTES)
        )
        # FIS takes no parameters when an experiment starts: one template for each zone.
        for index in range(ZONES):
            zone = Fn.select(index, Fn.get_azs())
            self._template(
                f"LoseZone{index + 1}",
                LOSE_ZONE,
                zone=zone,
                network=faults.cut_zone(zone, minutes=_ZONE_MINUTES),
                tasks=faults.stop_tasks_of(zone),
                writer=faults.fail_over_from(zone),
            )

    def _template(
        self, construct_id: str, drill: str, *, zone: str | None = None, **actions: FaultAction
    ) -> None:
        where = f"zone {zone}" if zone else "environment"
        Template(
            self,
            construct_id,
            description=f"{drill}: {where}, {self._suffix}",
            role_arn=self._role.role_arn,
            actions={
                name: Template.ExperimentTemplateActionProperty(
                    action_id=action.action,
                    parameters=dict(action.parameters),
                    targets={action.target: name},
                )
                for name, action in actions.items()
            },
            targets={name: action.selection for name, action in actions.items()},
            stop_conditions=[
                Template.ExperimentTemplateStopConditionProperty(
                    source="aws:cloudwatch:alarm", value=self._alarm(name)
                )
                for name in STOP_ALARMS
            ],
            experiment_options=Template.ExperimentTemplateExperimentOptionsProperty(
                account_targeting="single-account",
                # The writer may be in the other zone: then only its failover is skipped. Elsewhere
                # a target that is not found is an error, and not a drill that shows nothing.
                empty_target_resolution_mode="skip" if zone else "fail",
            ),
            # Not the typed property, which writes `logGroupArn`.
            log_configuration=Template.ExperimentTemplateLogConfigurationProperty(
                log_schema_version=2,
                cloud_watch_logs_configuration={"LogGroupArn": self._logs.attr_arn},
            ),
            tags={
                **self._suffix.tags(),
                "Name": self._suffix.physical_name(drill),
                DRILL_TAG: drill,
                **({ZONE_TAG: zone} if zone else {}),
            },
        )

    def _alarm(self, name: str) -> str:
        return self.format_arn(
            service="cloudwatch",
            resource="alarm",
            resource_name=self._suffix.physical_name(name),
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
