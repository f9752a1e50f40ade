"""From "a branch was pushed" to a pipeline of its own: decide, deploy, remember."""

from typing import Any, Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from branch_hub.infrastructure.hub import CREATE, Hub, allow
from branch_hub.infrastructure.machine import EXECUTION, SUFFIX, Machine, ask, count, says, tell
from branch_hub.infrastructure.notices import Notices

BRANCH: Final = "$$.Execution.Input.branch"
LOOK_AGAIN_SECONDS: Final = 15
# An hour and a half: longer than an unmaking takes at most, which is what it waits for.
ASKED_MAX: Final = 360
# Refused for the moment; a build that ran and failed is not tried again.
_BUILD_NOT_STARTED: Final = (
    "CodeBuild.AccountLimitExceededException",
    "CodeBuild.CodeBuildException",
    "CodeBuild.SdkClientException",
)


class CreateMachine(Construct):
    """Asks first whether the branch is there: events are hints. Started with an event's detail."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        hub: Hub,
        lifecycle: lambda_.IFunction,
        builds: codebuild.IProject,
        notices: Notices,
    ) -> None:
        super().__init__(scope, construct_id)
        self._lifecycle, self._notices = lifecycle, notices
        made = Machine(
            self,
            "Create",
            suffix=hub.suffix,
            name=CREATE,
            comment="Makes the pipeline of a branch that was pushed",
            definition=self._definition(builds),
            key=hub.key,
            notices=notices,
        )
        self.machine = made.machine
        self._let_build(made, builds)

    def _definition(self, builds: codebuild.IProject) -> sfn.IChainable:
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
        settle = self._settle("Settle", succeeded=True, cause="")
        settle.add_catch(failed, result_path="$.error")

        wait = sfn.Wait(
            self,
            "WaitForTheOther",
            comment="Another run makes or unmakes this environment",
            time=sfn.WaitTime.duration(Duration.seconds(LOOK_AGAIN_SECONDS)),
        )
        is_busy = sfn.Condition.string_equals("$.admission.outcome", "busy")
        decide = (
            sfn.Choice(self, "Decide")
            .when(
                sfn.Condition.string_equals("$.admission.outcome", "make"),
                deploy.next(settle).next(sfn.Succeed(self, "Made")),
            )
            .when(
                sfn.Condition.and_(
                    is_busy, sfn.Condition.number_less_than("$.asked.now", ASKED_MAX)
                ),
                count(self, "CountAsked", "asked").next(wait).next(admit),
            )
            .when(
                is_busy,
                self._tell_refusal(
                    "Another run held it for 90 minutes.",
                    end=sfn.Fail(self, "StillBusy", error="StillBusy", cause="The notice says why"),
                ),
            )
            .when(
                sfn.Condition.string_equals("$.admission.outcome", "refused"),
                # A rule was kept: that is told to who pushed, and is no alarm.
                self._tell_refusal("", end=sfn.Succeed(self, "Refused")),
            )
            .otherwise(
                sfn.Succeed(self, "NothingToDo", comment="Extended, protected, or gone again")
            )
        )
        begin = sfn.Pass(self, "Begin", result=sfn.Result.from_object({"asked": {"now": 0}}))
        return begin.next(admit).next(decide)

    def _deploy(self, builds: codebuild.IProject) -> sfn.CustomState:
        """Written out: the construct for builds has no word for the version of the source."""
        state: dict[str, Any] = {
            "Type": "Task",
            "Resource": f"arn:{Stack.of(self).partition}:states:::codebuild:startBuild.sync",
            "Parameters": {
                "ProjectName": builds.project_name,
                "SourceVersion.$": f"States.Format('refs/heads/{{}}', {BRANCH})",
                "EnvironmentVariablesOverride": [
                    {"Name": "BRANCH", "Type": "PLAINTEXT", "Value.$": BRANCH}
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

    def _settle(self, state: str, *, succeeded: bool, cause: str) -> tasks.LambdaInvoke:
        return ask(
            self,
            state,
            self._lifecycle,
            {
                "action": "settle",
                "suffix": sfn.JsonPath.string_at(SUFFIX),
                "branch": sfn.JsonPath.string_at(BRANCH),
                "execution": sfn.JsonPath.string_at(EXECUTION),
                "succeeded": succeeded,
                "cause": cause,
            },
            answer="settled",
            fields=("outcome",),
        )

    def _failed(self) -> sfn.IChainable:
        """The way of every error: give the lock back, say so, end red."""
        settle = self._settle(
            "SettleFailure", succeeded=False, cause=sfn.JsonPath.string_at("$.error.Cause")
        )
        told = tell(
            self,
            "TellFailure",
            self._notices,
            subject=says("Environment {} was not made", SUFFIX),
            message=says("The pipeline of {} was not deployed: {}", SUFFIX, "$.error.Cause"),
        )
        end = sfn.Fail(self, "NotMade", error="NotMade", cause="The notice says why")
        settle.add_catch(told, result_path=sfn.JsonPath.DISCARD)
        told.add_catch(end, result_path=sfn.JsonPath.DISCARD)
        return settle.next(told).next(end)

    def _tell_refusal(self, why: str, *, end: sfn.Fail | sfn.Succeed) -> sfn.IChainable:
        """No lock is held here: only say so."""
        told = tell(
            self,
            f"Tell{end.node.id}",
            self._notices,
            subject=says("Environment {} was not made", SUFFIX),
            message=says(f"{{}} {why}".strip(), "$.admission.message"),
        )
        told.add_catch(end, result_path=sfn.JsonPath.DISCARD)
        return told.next(end)

    def _let_build(self, made: Machine, builds: codebuild.IProject) -> None:
        allow(
            made.role,
            ["codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"],
            builds.project_arn,
        )
        # How Step Functions hears that a build has ended: a rule that it keeps in the account.
        allow(
            made.role,
            ["events:DescribeRule", "events:PutRule", "events:PutTargets"],
            Stack.of(self).format_arn(
                service="events",
                resource="rule",
                resource_name="StepFunctionsGetEventForCodeBuildStartBuildRule",
            ),
        )
