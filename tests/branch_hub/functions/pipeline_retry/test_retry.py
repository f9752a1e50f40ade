"""A failed stage is retried once, and only for known transient errors."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY

from branch_hub.functions.pipeline_retry import entrypoint
from branch_hub.functions.pipeline_retry.build_log import AssetLogs
from branch_hub.functions.pipeline_retry.retry import StageRetry
from branch_hub.functions.pipeline_retry.settings import PipelineRetrySettings
from branch_hub.functions.pipeline_retry.transient import (
    TRANSIENT,
    transient_error,
)
from tests.account import Account
from tests.aws_stubs import type_of_aws

PIPELINE, STAGE = "transaction-pipeline-feature-x-5femoa", "Assets"
BUILD = "0a1b2c3d-0000-0000-0000-000000000000"
RUN = "12345678-1234-1234-1234-123456789012"
START = datetime(2026, 11, 22, tzinfo=UTC)
THROTTLED = {"errorDetails": {"code": "ThrottlingException", "message": "slow down"}}
RED_TEST = {
    "errorDetails": {"code": "JobFailed", "message": "Build terminated with state: FAILED"},
    "externalExecutionSummary": "COMMAND_EXECUTION_ERROR: make test",
}


def action(result: dict[str, Any], **other: Any) -> dict[str, Any]:
    """An action in the format of ListActionExecutions."""
    return {
        "actionName": "FileAssets",
        "stageName": STAGE,
        "status": "Failed",
        "startTime": START,
        "output": {"executionResult": result},
        **other,
    }


class Failed:
    """A stage that failed with `actions`, and the function that gets its event."""

    def __init__(self, account: Account, aws: type_of_aws) -> None:
        codepipeline, self.calls = aws("codepipeline")
        logs, self.log_calls = aws("logs")
        self.account = account
        self.dynamodb = account.client("dynamodb")
        self.table = account.create_table()
        self.retry = StageRetry(
            codepipeline=codepipeline,
            asset_logs=AssetLogs(logs=logs),
            table=account.table(self.table),
            now=lambda: START,
        )

    def says(self, *actions: dict[str, Any], then: tuple[dict[str, Any], ...] = ()) -> None:
        """Stub the answers of CodePipeline, in pages."""
        asked: dict[str, Any] = {
            "pipelineName": PIPELINE,
            "filter": {"pipelineExecutionId": RUN},
        }
        more = {"nextToken": "more"} if then else {}
        self.calls.add_response(
            "list_action_executions", {"actionExecutionDetails": [*actions], **more}, asked
        )
        if then:
            self.calls.add_response(
                "list_action_executions", {"actionExecutionDetails": [*then]}, {**asked, **more}
            )

    def logged(self, *lines: str, stream: str = f"assets/{BUILD}") -> None:
        """Stub the end of the log of the build; without lines there is no log."""
        asked = {
            "logGroupName": f"/aws/codebuild/{PIPELINE}",
            "logStreamName": stream,
            "startFromHead": False,
            "limit": ANY,
        }
        if lines:
            events = [{"message": line} for line in lines]
            self.log_calls.add_response("get_log_events", {"events": events}, asked)
        else:
            self.log_calls.add_client_error(
                "get_log_events", "ResourceNotFoundException", expected_params=asked
            )

    def retried(self, error: str | None = None) -> None:
        asked = {
            "pipelineName": PIPELINE,
            "stageName": STAGE,
            "pipelineExecutionId": RUN,
            "retryMode": "FAILED_ACTIONS",
        }
        if error is None:
            self.calls.add_response("retry_stage_execution", {"pipelineExecutionId": RUN}, asked)
        else:
            self.calls.add_client_error("retry_stage_execution", error, expected_params=asked)

    def answer(self, event_id: str = "event-1", *, stage: str = STAGE) -> str:
        detail = {"pipeline": PIPELINE, "execution-id": RUN, "stage": stage, "state": "FAILED"}
        return self.retry.on_failed_stage({"id": event_id, "detail": detail})["outcome"]


@pytest.fixture
def failed(account: Account, aws: type_of_aws) -> Failed:
    return Failed(account, aws)


def test_a_known_transient_error_is_retried(failed: Failed) -> None:
    failed.says(action(THROTTLED))
    failed.retried()

    assert failed.answer() == "retried"


def test_s4_a_failed_test_is_not_retried(failed: Failed) -> None:
    failed.says(action(RED_TEST))

    assert failed.answer() == "left"


def test_a_stage_with_one_lasting_error_is_not_retried(failed: Failed) -> None:
    failed.says(action(THROTTLED), action(RED_TEST, actionName="DockerAssets"))

    assert failed.answer() == "left"


COMMAND_FAILED = {
    "errorDetails": {"code": "JobFailed", "message": "Build terminated with state: FAILED"},
    "externalExecutionId": f"DeliveryPipelineAssets:{BUILD}",
}


@pytest.mark.parametrize(
    "line",
    [
        # As in aws/aws-cdk#23923 and apptension/saas-boilerplate#204.
        "toomanyrequests: Rate exceeded\n",
        "unexpected status code https://r/v2/x: 429 Too Many Requests - Server message\n",
        "denied: TOOMANYREQUESTS\n",
    ],
)
def test_an_image_build_whose_pull_was_refused_for_now_is_retried(
    failed: Failed, line: str
) -> None:
    failed.says(action(COMMAND_FAILED))
    failed.logged("Step 1/19\n", line, "exited with error code 1\n")
    failed.retried()

    assert failed.answer() == "retried"


def test_an_image_build_that_failed_otherwise_is_not_retried(failed: Failed) -> None:
    failed.says(action(COMMAND_FAILED))
    failed.logged("COPY failed: no such file\n")

    assert failed.answer() == "left"


def test_an_image_build_without_a_log_is_not_retried(failed: Failed) -> None:
    failed.says(action(COMMAND_FAILED))
    failed.logged()

    assert failed.answer() == "left"


def test_s4_the_log_of_a_build_that_runs_tests_is_not_asked(failed: Failed) -> None:
    """A test that prints 429 stays failed: no call is prepared, so asking would fail."""
    red = action(COMMAND_FAILED, stageName="Build")

    failed.says(red)
    assert failed.answer(stage="Build") == "left"


def test_a_stage_is_retried_once(failed: Failed) -> None:
    failed.says(action(THROTTLED))
    failed.retried()
    failed.says(action(THROTTLED))

    assert [failed.answer("event-1"), failed.answer("event-2")] == ["retried", "retried before"]


def test_a_repeated_event_retries_the_stage_if_the_first_call_failed(
    failed: Failed,
) -> None:
    failed.says(action(THROTTLED))
    failed.retried(error="InternalFailure")
    with pytest.raises(ClientError, match="InternalFailure"):
        failed.answer("event-1")

    failed.says(action(THROTTLED))
    failed.retried()
    assert failed.answer("event-1") == "retried"


def test_only_the_last_attempt_of_an_action_counts(failed: Failed) -> None:
    """In any order of the list, over pages."""
    first = action(RED_TEST)
    last = action(THROTTLED, startTime=START + timedelta(minutes=5))
    failed.says(last, then=(first,))
    failed.retried()

    assert failed.answer() == "retried"


def test_actions_that_succeeded_or_belong_to_another_stage_are_ignored(failed: Failed) -> None:
    failed.says(
        action(THROTTLED),
        action({}, actionName="DockerAssets", status="Succeeded"),
        action(RED_TEST, stageName="Build"),
    )
    failed.retried()

    assert failed.answer() == "retried"


def test_a_stage_without_a_failed_action_is_not_retried(failed: Failed) -> None:
    """It was stopped, or rejected."""
    failed.says(action({}, status="Abandoned"))

    assert failed.answer() == "left"


@pytest.mark.parametrize(
    "error",
    [
        "StageNotRetryableException",
        "NotLatestPipelineExecutionException",
        "StageNotFoundException",
        "ConflictException",
    ],
)
def test_a_run_that_has_changed_meanwhile_is_not_retried(failed: Failed, error: str) -> None:
    failed.says(action(THROTTLED))
    failed.retried(error=error)

    assert failed.answer() == "too late"


def test_the_record_of_a_retry_expires_after_a_month(failed: Failed) -> None:
    failed.says(action(THROTTLED))
    failed.retried()
    failed.answer()

    key = {"suffix": {"S": f"retry#{RUN}#{STAGE}"}}
    item = failed.dynamodb.get_item(TableName=failed.table, Key=key)["Item"]
    forgotten = datetime.fromtimestamp(int(item["forget_after_epoch_seconds"]["N"]), UTC)
    assert forgotten == START + timedelta(days=30)


@pytest.mark.parametrize("known", TRANSIENT, ids=lambda known: known.text)
def test_each_known_error_is_found_by_its_code_and_in_a_message(known: Any) -> None:
    by_code = action({"errorDetails": {"code": known.text}})
    by_message = action({"errorDetails": {"code": "x", "message": f"An error ({known.text}): y"}})
    by_summary = action({"externalExecutionSummary": f"{known.text} (Service: AWSLogs)"})

    assert [transient_error(a) for a in (by_code, by_message, by_summary)] == [known] * 3
    assert known.source.startswith("docs.aws.amazon.com/")


@pytest.mark.parametrize("result", [{}, {"errorDetails": {}}, RED_TEST])
def test_an_unknown_error_is_not_transient(result: dict[str, Any]) -> None:
    assert transient_error(action(result)) is None


def test_the_function_reads_its_settings_and_answers(
    failed: Failed, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = PipelineRetrySettings(branch_table_name=failed.table)
    for variable, value in settings.to_env().items():
        monkeypatch.setenv(variable, value)
    clients = {"codepipeline": failed.retry.codepipeline, "logs": failed.retry.asset_logs.logs}
    monkeypatch.setattr(boto3, "client", lambda service, **_: clients[service])
    monkeypatch.setattr(boto3, "resource", lambda service, **_: failed.account.resource(service))
    entrypoint._retry.cache_clear()
    failed.says(action(THROTTLED))
    failed.retried()
    detail = {"pipeline": PIPELINE, "execution-id": RUN, "stage": STAGE}

    answer = entrypoint.handler({"id": "event-1", "detail": detail}, None)

    assert answer == {"outcome": "retried"}
    key = {"suffix": {"S": f"retry#{RUN}#{STAGE}"}}
    item = failed.dynamodb.get_item(TableName=failed.table, Key=key)["Item"]
    assert float(item["forget_after_epoch_seconds"]["N"]) > datetime.now(UTC).timestamp()
    entrypoint._retry.cache_clear()
