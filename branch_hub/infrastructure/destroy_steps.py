"""Steps shared by the parts of the destroy machine."""

from dataclasses import dataclass
from typing import Any, Final

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from branch_hub.infrastructure.machine import SUFFIX, ask
from branch_hub.infrastructure.notices import Notices

LOOK_AGAIN_SECONDS: Final = 15


@dataclass(frozen=True, kw_only=True)
class Steps:
    """`abandon` handles every error: it releases the lock."""

    scope: Construct
    lifecycle: lambda_.IFunction
    teardown: lambda_.IFunction
    sleep_steps: lambda_.IFunction
    notices: Notices
    abandon: sfn.IChainable

    def act(
        self,
        state: str,
        action: str,
        *,
        answer: str,
        fields: tuple[str, ...],
        **payload: Any,
    ) -> tasks.LambdaInvoke:
        """Call `action` of the teardown, and keep `fields` of its answer under `$.{answer}`."""
        return self._call(self.teardown, state, action, answer=answer, fields=fields, **payload)

    def start(self, state: str, action: str, *, answer: str) -> tasks.LambdaInvoke:
        """Call `action` of the function that starts what sleeps."""
        return self._call(
            self.sleep_steps, state, action, answer=answer, fields=("done", "message")
        )

    def _call(
        self,
        function: lambda_.IFunction,
        state: str,
        action: str,
        *,
        answer: str,
        fields: tuple[str, ...],
        **payload: Any,
    ) -> tasks.LambdaInvoke:
        task = ask(
            self.scope,
            state,
            function,
            {"action": action, "suffix": sfn.JsonPath.string_at(SUFFIX), **payload},
            answer=answer,
            fields=fields,
        )
        task.add_catch(self.abandon, result_path="$.error")
        return task

    def wait(self, state: str, comment: str) -> sfn.Wait:
        duration = Duration.seconds(LOOK_AGAIN_SECONDS)
        return sfn.Wait(self.scope, state, comment=comment, time=sfn.WaitTime.duration(duration))

    def give_up(self, state: str, cause: str) -> sfn.IChainable:
        """Fail with an error of the machine itself: a deadline, or something remains."""
        error = sfn.Pass(
            self.scope, state, parameters={"Error": state, "Cause": cause}, result_path="$.error"
        )
        return error.next(self.abandon)


def written_out(path: str) -> str:
    """Return the value at `path` as JSON text."""
    return sfn.JsonPath.json_to_string(sfn.JsonPath.object_at(path))
