"""Common parts of the hub's state machines: calls, notices, retries, role and log."""

from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from branch_hub.events import InvalidEvent
from branch_hub.functions.shared.guard import NotOurs
from branch_hub.infrastructure.notices import Notices
from infra.log_groups import log_group
from infra.naming import EnvironmentSuffix

# Longer than all waits of a machine: its own deadlines end with a notice.
TIMEOUT: Final = Duration.hours(4)
SUFFIX: Final = "$$.Execution.Input.suffix"
EXECUTION: Final = "$$.Execution.Id"
# Errors of the Lambda service, not of the function.
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
    """Call `function`, and keep these `fields` of its answer under `$.{answer}`."""
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
    # A retry would be refused again.
    task.add_retry(errors=[*_REFUSALS], max_attempts=0)
    # All actions are safe to repeat, and an outage of the host is temporary.
    task.add_retry(
        errors=[sfn.Errors.TASKS_FAILED, sfn.Errors.TIMEOUT],
        interval=Duration.seconds(15),
        max_attempts=3,
        backoff_rate=3,
    )
    return task


def notify_of(
    scope: Construct, state: str, notices: Notices, *, subject: str, message: str
) -> tasks.SnsPublish:
    """Publish a notice. `subject` and `message` come from `message_of`."""
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


def message_of(template: str, *paths: str) -> str:
    """Fill each `{}` of `template` with the value at a path when the state runs."""
    return sfn.JsonPath.format(template, *(sfn.JsonPath.string_at(path) for path in paths))


def add(path: str, amount: str | int) -> str:
    """Add an amount, or the number at another path, to the number at `path`."""
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
    """The state machine `{name}-{suffix}` with its own role and log. It may publish notices."""

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
        # CDK grants the topic only; an encrypted topic also needs its key.
        notices.grant_publish(self.role)
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
                # The history holds the data, encrypted; the log holds states and errors.
                include_execution_data=False,
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
