"""How every state machine of the hub asks, tells, tries again and is watched."""

from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from branch_hub.functions.shared.events import InvalidEvent
from branch_hub.functions.teardown.guard import NotOurs
from branch_hub.infrastructure.notices import Notices
from infra.log_groups import log_group
from infra.naming import EnvironmentSuffix

# Longer than all that a machine waits for by itself: its deadlines end in a notice, not in this.
TIMEOUT: Final = Duration.hours(3)
SUFFIX: Final = "$$.Execution.Input.suffix"
EXECUTION: Final = "$$.Execution.Id"
# What Lambda answers when the function is not at fault.
_SERVICE_ERRORS: Final = (
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
)
_REFUSALS: Final = (NotOurs.__name__, InvalidEvent.__name__)


def ask(
    scope: Construct,
    state: str,
    function: lambda_.IFunction,
    payload: Mapping[str, Any],
    *,
    answer: str,
    fields: tuple[str, ...],
) -> tasks.LambdaInvoke:
    """Ask `function`, and keep these `fields` of what it says under `$.{answer}`."""
    task = tasks.LambdaInvoke(
        scope,
        state,
        lambda_function=function,
        payload=sfn.TaskInput.from_object(dict(payload)),
        result_selector={f"{field}.$": f"$.Payload.{field}" for field in fields},
        result_path=f"$.{answer}",
        retry_on_service_exceptions=False,
    )
    task.add_retry(
        errors=[*_SERVICE_ERRORS],
        interval=Duration.seconds(2),
        max_attempts=6,
        backoff_rate=2,
        jitter_strategy=sfn.JitterType.FULL,
    )
    # A refusal stays one.
    task.add_retry(errors=[*_REFUSALS], max_attempts=0)
    # Whatever a function does can be done twice; a host that is down comes back.
    task.add_retry(
        errors=[sfn.Errors.TASKS_FAILED, sfn.Errors.TIMEOUT],
        interval=Duration.seconds(15),
        max_attempts=3,
        backoff_rate=3,
    )
    return task


def tell(
    scope: Construct, state: str, notices: Notices, *, subject: str, message: str
) -> tasks.SnsPublish:
    """Tell whoever listens. `subject` and `message` are templates with `{}` for paths: see says."""
    task = tasks.SnsPublish(
        scope,
        state,
        topic=notices.topic,
        subject=subject,
        message=sfn.TaskInput.from_text(message),
        result_path=sfn.JsonPath.DISCARD,
    )
    task.add_retry(
        errors=[sfn.Errors.TASKS_FAILED],
        interval=Duration.seconds(5),
        max_attempts=4,
        backoff_rate=3,
    )
    return task


def says(template: str, *paths: str) -> str:
    """Fill `template` with what stands at `paths` when the state runs."""
    return sfn.JsonPath.format(template, *(sfn.JsonPath.string_at(path) for path in paths))


def add(path: str, amount: str | int) -> str:
    """The number at `path` and an amount, or the number at another path, together."""
    number = sfn.JsonPath.number_at(amount) if isinstance(amount, str) else amount
    return sfn.JsonPath.math_add(sfn.JsonPath.number_at(path), number)


def count(scope: Construct, state: str, counter: str) -> sfn.Pass:
    """Add one to `$.{counter}.now`."""
    return sfn.Pass(
        scope,
        state,
        parameters={"now": add(f"$.{counter}.now", 1)},
        result_path=f"$.{counter}",
    )


class Machine(Construct):
    """The state machine `{name}-{suffix}` with a role and a log of its own, which may tell."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        name: str,
        comment: str,
        definition: sfn.IChainable,
        key: kms.IKey,
        notices: Notices,
    ) -> None:
        super().__init__(scope, construct_id)
        machine_name = suffix.physical_name(name)
        self.role = iam.Role(
            self,
            "Role",
            role_name=suffix.physical_name(f"{name}-machine-role"),
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
        )
        # The task for SNS asks for the topic alone, which without its key takes nothing.
        notices.grant_tell(self.role)
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=machine_name,
            comment=comment,
            definition_body=sfn.DefinitionBody.from_chainable(definition),
            role=self.role,
            timeout=TIMEOUT,
            tracing_enabled=True,
            encryption_configuration=sfn.CustomerManagedEncryptionConfiguration(key),
            logs=sfn.LogOptions(
                destination=log_group(
                    self, "Logs", name=f"/aws/vendedlogs/states/{machine_name}", key=key
                ),
                level=sfn.LogLevel.ALL,
                # The history has it, encrypted; the log says what ran and what failed.
                include_execution_data=False,
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
