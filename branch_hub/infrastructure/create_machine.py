"""The create machine: decides, deploys the pipeline of a pushed branch, records the result."""

from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from branch_hub.infrastructure.hub import CREATE, Hub, allow
from branch_hub.infrastructure.machine import (
    EXECUTION,
    SUFFIX,
    Machine,
    ask,
    count,
    message_of,
    notify_of,
)
from branch_hub.infrastructure.notices import Notices

BRANCH: Final = "$$.Execution.Input.branch"
UNSETTLED: Final = "$.unsettled.Cause"
LOOK_AGAIN_SECONDS: Final = 15
# Two hours: longer than the longest deletion, for which it waits.
ASKED_MAX: Final = 480
# The build did not start; a build that ran and failed is not retried.
_BUILD_NOT_STARTED: Final = (
    "CodeBuild.AccountLimitExceededException",
    "CodeBuild.CodeBuildException",
    "CodeBuild.SdkClientException",
)


class CreateMachine(Construct):
    """First checks that the branch exists: events are hints. Its input is an event's detail."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        hub: Hub,
        lifecycle: lambda_.IFunction,
        builds: codebuild.IProject,
        wake: sfn.IStateMachine,
        notices: Notices,
    ) -> None:
        super().__init__(scope, construct_id)
        self._lifecycle, self._notices = lifecycle, notices
        machine = Machine(
            self,
            "Create",
            suffix=hub.suffix,
            name=CREATE,
            comment="Creates the pipeline of a branch that was pushed",
            definition=self._definition(builds, wake),
            key=hub.key,
            notices=notices,
        )
        self.machine = machine.machine
        self._allow_builds(machine, builds)

    def _definition(self, builds: codebuild.IProject, wake: sfn.IStateMachine) -> sfn.IChainable:
        failed = self._failed()
        admit = ask(
            self,
            "Admit",
            self._lifecycle,
            {
                "action": "admit",
                "detail": sfn.JsonPath.object_at("$$.Execution.Input"),
                "execution": sfn.JsonPath.string_at(EXECUTION),
            },
            answer="admission",
            fields=("outcome", "message"),
        )
        admit.add_catch(failed, result_path="$.error")
        deploy = self._deploy(builds)
        deploy.add_catch(failed, result_path="$.error")
        settle = self._settle(
            "Settle", {"succeeded": True, "build": sfn.JsonPath.object_at("$.build")}
        )
        settle.add_catch(failed, result_path="$.error")
        settled = (
            sfn.Choice(self, "Settled")
            .when(
                sfn.Condition.string_equals("$.settled.outcome", "refused"),
                # Its app is not only its own pipeline: a notice, and no alarm.
                self._notify_refusal("", answer="settled", end=sfn.Succeed(self, "RefusedByCheck")),
            )
            .otherwise(sfn.Succeed(self, "Created"))
        )

        wait = sfn.Wait(
            self,
            "WaitForLock",
            comment="Another execution creates or deletes this environment",
            time=sfn.WaitTime.duration(Duration.seconds(LOOK_AGAIN_SECONDS)),
        )
        is_busy = sfn.Condition.string_equals("$.admission.outcome", "busy")
        decide = (
            sfn.Choice(self, "Decide")
            .when(
                sfn.Condition.string_equals("$.admission.outcome", "create"),
                deploy.next(settle).next(settled),
            )
            .when(
                sfn.Condition.and_(
                    is_busy, sfn.Condition.number_less_than("$.asked.now", ASKED_MAX)
                ),
                count(self, "CountAsked", "asked").next(wait).next(admit),
            )
            .when(
                is_busy,
                self._notify_refusal(
                    "Another execution held the lock for two hours.",
                    end=sfn.Fail(self, "StillBusy", error="StillBusy", cause="See the notice"),
                ),
            )
            .when(
                sfn.Condition.string_equals("$.admission.outcome", "wake"),
                self._wake(wake, failed).next(sfn.Succeed(self, "Wakes")),
            )
            .when(
                sfn.Condition.string_equals("$.admission.outcome", "refused"),
                # A rule refused it: a notice, and no alarm.
                self._notify_refusal("", end=sfn.Succeed(self, "Refused")),
            )
            .otherwise(
                sfn.Succeed(self, "NothingToDo", comment="Extended, protected, or already deleted")
            )
        )
        begin = sfn.Pass(self, "Begin", result=sfn.Result.from_object({"asked": {"now": 0}}))
        return begin.next(admit).next(decide)

    def _wake(
        self, machine: sfn.IStateMachine, failed: sfn.IChainable
    ) -> tasks.StepFunctionsStartExecution:
        """Start the machine that wakes, and do not wait: it takes its own lock."""
        wake = tasks.StepFunctionsStartExecution(
            self,
            "Wake",
            state_machine=machine,
            integration_pattern=sfn.IntegrationPattern.REQUEST_RESPONSE,
            input=sfn.TaskInput.from_object({"suffix": sfn.JsonPath.string_at(SUFFIX)}),
            result_path=sfn.JsonPath.DISCARD,
        )
        wake.add_retry(
            errors=[sfn.Errors.TASKS_FAILED],
            interval=Duration.seconds(5),
            max_attempts=4,
            backoff_rate=3,
        )
        wake.add_catch(failed, result_path="$.error")
        return wake

    def _deploy(self, builds: codebuild.IProject) -> sfn.CustomState:
        """Written in ASL: the construct for builds has no parameter for the source version."""
        state: dict[str, Any] = {
            "Type": "Task",
            "Resource": f"arn:{Stack.of(self).partition}:states:::codebuild:startBuild.sync",
            "Parameters": {
                "ProjectName": builds.project_name,
                "SourceVersion.$": f"States.Format('refs/heads/{{}}', {BRANCH})",
                "EnvironmentVariablesOverride": [
                    {"Name": "BRANCH", "Type": "PLAINTEXT", "Value.$": BRANCH},
                    {"Name": "SUFFIX", "Type": "PLAINTEXT", "Value.$": SUFFIX},
                ],
            },
            "ResultPath": "$.build",
        }
        deploy = sfn.CustomState(self, "DeployPipeline", state_json=state)
        deploy.add_retry(
            errors=[*_BUILD_NOT_STARTED],
            interval=Duration.seconds(30),
            max_attempts=6,
            backoff_rate=2,
        )
        return deploy

    def _settle(self, state: str, result: Mapping[str, Any]) -> tasks.LambdaInvoke:
        return ask(
            self,
            state,
            self._lifecycle,
            {
                "action": "settle",
                "suffix": sfn.JsonPath.string_at(SUFFIX),
                "branch": sfn.JsonPath.string_at(BRANCH),
                "execution": sfn.JsonPath.string_at(EXECUTION),
                **result,
            },
            answer="settled",
            fields=("outcome", "message"),
        )

    def _failed(self) -> sfn.IChainable:
        """Handles every error: release the lock, notify, fail."""
        settle = self._settle(
            "SettleFailure", {"succeeded": False, "cause": sfn.JsonPath.string_at("$.error.Cause")}
        )
        end = sfn.Fail(self, "NotCreated", error="NotCreated", cause="See the notice")
        # The function makes one sentence of the cause, which may be the whole record of a build.
        notify = self._notify_failure("NotifyFailure", message_of("{}", "$.settled.message"), end)
        unsettled = self._notify_failure(
            "NotifyUnsettled",
            message_of("{} was not created, and this could not be recorded: {}", SUFFIX, UNSETTLED),
            end,
        )
        settle.add_catch(unsettled, result_path="$.unsettled")
        return settle.next(notify)

    def _notify_failure(self, state: str, message: str, end: sfn.Fail) -> tasks.SnsPublish:
        notify = notify_of(
            self,
            state,
            self._notices,
            subject=message_of("Environment {} was not created", SUFFIX),
            message=message,
        )
        notify.add_catch(end, result_path=sfn.JsonPath.DISCARD)
        notify.next(end)
        return notify

    def _notify_refusal(
        self, why: str, *, end: sfn.Fail | sfn.Succeed, answer: str = "admission"
    ) -> sfn.IChainable:
        """Only notifies: no lock is held here."""
        notify = notify_of(
            self,
            f"Notify{end.node.id}",
            self._notices,
            subject=message_of("Environment {} was not created", SUFFIX),
            message=message_of(f"{{}} {why}".strip(), f"$.{answer}.message"),
        )
        notify.add_catch(end, result_path=sfn.JsonPath.DISCARD)
        return notify.next(end)

    def _allow_builds(self, machine: Machine, builds: codebuild.IProject) -> None:
        allow(
            machine.role,
            ["codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"],
            builds.project_arn,
        )
        # Step Functions detects the end of a build with a rule that it keeps in the account.
        allow(
            machine.role,
            ["events:DescribeRule", "events:PutRule", "events:PutTargets"],
            Stack.of(self).format_arn(
                service="events",
                resource="rule",
                resource_name="StepFunctionsGetEventForCodeBuildStartBuildRule",
            ),
        )
