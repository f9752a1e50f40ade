"""CloudFormation actions, run as CodePipeline runs them."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from local_cloud.pipeline.actions import ActionFailed, ActionRun
from local_cloud.pipeline.stack_template import (
    deployment_arguments,
    template_argument,
    template_text,
)
from local_cloud.pipeline.stack_watch import GONE, StackWatch

_POLL_SECONDS = 0.2
_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
# The states that CodePipeline treats as failed: the action fails, or replaces the stack.
_FAILED = (
    "CREATE_FAILED",
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "DELETE_FAILED",
    "UPDATE_ROLLBACK_FAILED",
)
_NOTHING_TO_DO = ("didn't contain changes", "No updates are to be performed")


def deploy(run: ActionRun) -> Mapping[str, str]:
    """CloudFormation: runs ActionMode; returns the outputs of the stack."""
    mode = run.config("ActionMode")
    handler = _MODES.get(mode)
    if handler is None:
        raise ActionFailed(f"ActionMode {mode!r} is not supported; known: {sorted(_MODES)}")
    watch = StackWatch(run, run.config("StackName"))
    try:
        handler(run, watch)
    except ClientError as error:
        raise ActionFailed(f"CloudFormation: {error.response['Error']['Message']}") from error
    return watch.outputs()


def _replace_change_set(run: ActionRun, watch: StackWatch) -> None:
    cloudformation = run.run.clients("cloudformation")
    names = _change_set(run)
    kind = "UPDATE" if _is_updatable(run, watch) else "CREATE"
    if watch.status() is not None:
        cloudformation.delete_change_set(**names)
    arguments, text = deployment_arguments(run), template_text(run)
    with template_argument(run, text) as template:
        created = cloudformation.create_change_set(
            **names, **template, **arguments, ChangeSetType=kind
        )
        described = _settled_change_set(run, created["Id"])
    if described["Status"] == "FAILED":
        reason = described.get("StatusReason", "")
        if not _is_nothing(reason):
            raise ActionFailed(f"change set {names['ChangeSetName']}: {reason}")
        run.log("the change set holds no changes of resources")
        run.run.prepared[names["StackName"]] = (text, arguments)
        return
    for change in described.get("Changes") or []:
        resource = change["ResourceChange"]
        run.log(f"{resource['Action']} {resource['ResourceType']} {resource['LogicalResourceId']}")


def _execute_change_set(run: ActionRun, watch: StackWatch) -> None:
    names = _change_set(run)
    cloudformation = run.run.clients("cloudformation")
    described = cloudformation.describe_change_set(**names)
    if described["Status"] == "FAILED" and _is_nothing(described.get("StatusReason", "")):
        # The emulator ignores changes of outputs alone; CloudFormation deploys them.
        text, arguments = run.run.prepared[names["StackName"]]
        with template_argument(run, text) as template:
            arguments = {"StackName": names["StackName"], **template, **arguments}
            if not _update(cloudformation, arguments):
                run.log("nothing to deploy")
                return
    else:
        cloudformation.execute_change_set(**names)
    watch.expect(*_DONE)


def _create_or_update(run: ActionRun, watch: StackWatch) -> None:
    cloudformation = run.run.clients("cloudformation")
    is_update = _is_updatable(run, watch)
    arguments = {"StackName": run.config("StackName"), **deployment_arguments(run)}
    with template_argument(run, template_text(run)) as template:
        if not is_update:
            cloudformation.create_stack(**arguments, **template)
        elif not _update(cloudformation, {**arguments, **template}):
            run.log("nothing to deploy: the stack is as the template says")
            return
    watch.expect(*_DONE)


def _replace_on_failure(run: ActionRun, watch: StackWatch) -> None:
    status = watch.settle()
    if status in _FAILED:
        run.log(f"stack is {status}: it is deleted and created again")
        _delete(run, watch)
        watch.start_over()
    _create_or_update(run, watch)


def _delete(run: ActionRun, watch: StackWatch) -> None:
    if watch.status() is None:
        run.log("there is no such stack")
        return
    run.run.clients("cloudformation").delete_stack(StackName=run.config("StackName"))
    watch.expect(GONE)


def _is_updatable(run: ActionRun, watch: StackWatch) -> bool:
    """True if there is a stack to update; waits for an operation of an earlier run."""
    status = watch.settle()
    if status in _FAILED:
        raise ActionFailed(
            f"stack {run.config('StackName')} is {status} and can not be updated: delete it, "
            "then start the pipeline again"
        )
    return status not in {GONE, "REVIEW_IN_PROGRESS"}


def _update(cloudformation: Any, arguments: Mapping[str, Any]) -> bool:
    """False when there was nothing to update."""
    try:
        cloudformation.update_stack(**arguments)
    except ClientError as error:
        if _is_nothing(error.response["Error"]["Message"]):
            return False
        raise
    return True


def _settled_change_set(run: ActionRun, change_set_id: str) -> dict[str, Any]:
    while True:
        described: dict[str, Any] = run.run.clients("cloudformation").describe_change_set(
            ChangeSetName=change_set_id
        )
        if not described["Status"].endswith(("_PENDING", "_IN_PROGRESS")):
            return described
        run.wait(_POLL_SECONDS)


def _change_set(run: ActionRun) -> dict[str, str]:
    return {"StackName": run.config("StackName"), "ChangeSetName": run.config("ChangeSetName")}


def _is_nothing(reason: str) -> bool:
    return any(text in reason for text in _NOTHING_TO_DO)


_MODES = {
    "CHANGE_SET_REPLACE": _replace_change_set,
    "CHANGE_SET_EXECUTE": _execute_change_set,
    "CREATE_UPDATE": _create_or_update,
    "REPLACE_ON_FAILURE": _replace_on_failure,
    "DELETE_ONLY": _delete,
}
