"""B5: `make approve` shows what broadens before it asks, and answers only what it has shown."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from lambda_src.shared.branch_suffix import suffix_of_branch
from operations import approve as program
from operations.approvals import Approval, QuestionChanged, answer_approval, waiting_approval
from operations.approve import NotDecided, approve
from operations.pipelines import NoPipeline, pipeline_of_branch
from tests.aws_stubs import type_of_aws

PIPELINE = "transaction-pipeline-main-v4grq1"
RUN = "5f0c5b4e-1111-4222-8333-444455556666"
TOKEN = "0a1b2c3d-1111-4222-8333-444455556666"
MESSAGE = "BROADER PERMISSIONS (1 changes): + sqs:*"


def action(name: str, status: str, *, url: str = "", **given: Any) -> dict[str, Any]:
    return {
        "pipelineExecutionId": RUN,
        "stageName": "ProductionApproval",
        "actionName": name,
        "status": status,
        "input": given,
        "output": {"executionResult": {"externalExecutionUrl": url} if url else {}},
    }


def state(*, token: str = TOKEN, status: str = "InProgress") -> dict[str, Any]:
    asked = {"status": status, **({"token": token} if token else {})}
    return {
        "stageStates": [
            {"stageName": "Source", "actionStates": [{"actionName": "Source"}]},
            {"stageName": "Later"},
            {
                "stageName": "ProductionApproval",
                "latestExecution": {"pipelineExecutionId": RUN, "status": "InProgress"},
                "actionStates": [
                    {"actionName": "PermissionGate", "latestExecution": {"status": "Succeeded"}},
                    {"actionName": "Approval", "latestExecution": asked},
                ],
            },
        ]
    }


def waits(stub: Stubber, *details: dict[str, Any]) -> None:
    stub.add_response("get_pipeline_state", state(), {"name": PIPELINE})
    asked = {"pipelineName": PIPELINE, "filter": {"pipelineExecutionId": RUN}}
    elsewhere = action("Approval", "Succeeded", url="of another stage") | {"stageName": "Staging"}
    found = [*(details or (ASKED, GATE)), elsewhere]
    stub.add_response("list_action_executions", {"actionExecutionDetails": found}, asked)


GATE = action("PermissionGate", "Succeeded", url="https://console/log")
ASKED = action(
    "Approval",
    "InProgress",
    configuration={"CustomData": "#{Gate.PERMISSION_CHANGES}"},
    resolvedConfiguration={"CustomData": MESSAGE},
)


def answered(stub: Stubber, status: str, **failure: str) -> None:
    expected = {
        "pipelineName": PIPELINE,
        "stageName": "ProductionApproval",
        "actionName": "Approval",
        "token": TOKEN,
        "result": {"status": status, "summary": "by ada"},
    }
    if failure:
        stub.add_client_error("put_approval_result", failure["code"], expected_params=expected)
    else:
        stub.add_response("put_approval_result", {}, expected)


@pytest.fixture(autouse=True)
def ada(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ada")


@pytest.mark.parametrize(("answer", "status"), [("yes", "Approved"), (" NO ", "Rejected")])
def test_b5_the_answer_goes_to_the_question_that_was_shown(
    aws: type_of_aws, capsys: pytest.CaptureFixture[str], answer: str, status: str
) -> None:
    client, stub = aws("codepipeline")
    waits(stub)
    answered(stub, status)
    assert approve(client, PIPELINE, execution=RUN, answer=answer) == (status == "Approved")
    assert capsys.readouterr().out.splitlines() == [
        "log: https://console/log",
        f"{PIPELINE} ProductionApproval/Approval, run {RUN}: {MESSAGE}",
        status.lower(),
    ]


def test_b5_the_permission_diff_is_shown_before_the_question(
    aws: type_of_aws,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Of the local cloud the whole log, which is a file."""
    log = tmp_path / "gate.log"
    log.write_text("│ + │ sqs:* │\n")
    client, stub = aws("codepipeline")
    waits(stub, ASKED, action("PermissionGate", "Succeeded", url=str(log)))
    answered(stub, "Approved")
    shown: list[str] = []

    def ask(_: str) -> str:
        shown.append(capsys.readouterr().out)
        return "y"

    monkeypatch.setattr("builtins.input", ask)
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert approve(client, PIPELINE, execution="", answer="")
    assert "│ + │ sqs:* │" in shown[0]
    assert MESSAGE in shown[0]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("answer", ["maybe", "yes please"])
def test_b5_an_answer_that_is_neither_yes_nor_no_decides_nothing(
    aws: type_of_aws, answer: str
) -> None:
    client, stub = aws("codepipeline")
    waits(stub)
    with pytest.raises(NotDecided, match="it must be yes or no; nothing was changed"):
        approve(client, PIPELINE, execution="", answer=answer)


def test_b5_without_a_terminal_an_answer_is_needed(
    aws: type_of_aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    client, stub = aws("codepipeline")
    waits(stub)
    with pytest.raises(NotDecided, match="add ANSWER=yes or ANSWER=no"):
        approve(client, PIPELINE, execution="", answer="")


def test_b5_an_answer_that_was_meant_for_an_older_run_decides_nothing(aws: type_of_aws) -> None:
    client, stub = aws("codepipeline")
    waits(stub)
    with pytest.raises(NotDecided, match=f"EXECUTION='older' does not wait: run {RUN} waits"):
        approve(client, PIPELINE, execution="older", answer="yes")


@pytest.mark.parametrize(
    "code", ["InvalidApprovalTokenException", "ApprovalAlreadyCompletedException"]
)
def test_b5_an_answer_to_a_replaced_question_is_refused(aws: type_of_aws, code: str) -> None:
    client, stub = aws("codepipeline")
    waits(stub)
    answered(stub, "Approved", code=code)
    with pytest.raises(QuestionChanged, match="the question changed"):
        approve(client, PIPELINE, execution="", answer="yes")


def test_another_error_of_the_account_is_named_as_it_is(aws: type_of_aws) -> None:
    client, stub = aws("codepipeline")
    stub.add_client_error("put_approval_result", "AccessDeniedException")
    approval = Approval(
        pipeline=PIPELINE, stage="A", action="B", execution=RUN, token=TOKEN, message="", logs=()
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        answer_approval(client, approval, is_approved=True, by="ada")


@pytest.mark.parametrize("quiet", [state(token=""), state(status="Succeeded")])
def test_b5_a_pipeline_that_waits_for_nobody(aws: type_of_aws, quiet: dict[str, Any]) -> None:
    client, stub = aws("codepipeline")
    stub.add_response("get_pipeline_state", quiet)
    with pytest.raises(NotDecided, match=f"no approval is waiting in {PIPELINE}"):
        approve(client, PIPELINE, execution="", answer="yes")


def test_b5_a_message_without_variables_is_shown_too(aws: type_of_aws) -> None:
    client, stub = aws("codepipeline")
    waits(stub, action("Approval", "InProgress", configuration={"CustomData": "look"}))
    found = waiting_approval(client, PIPELINE)
    assert found is not None
    assert (found.message, found.logs) == ("look", ())


def stacks(stub: Stubber) -> None:
    def stack(name: str, status: str = "UPDATE_COMPLETE", **tags: str) -> dict[str, Any]:
        listed = [{"Key": k.replace("_", "-"), "Value": v} for k, v in tags.items()]
        return {"StackName": name, "StackStatus": status, "CreationTime": 0, "Tags": listed}

    stub.add_response(
        "describe_stacks",
        {
            "Stacks": [
                stack("of-another-project", branch="main"),
                stack("gone", "DELETE_COMPLETE", branch="main", environment_suffix="main-v4grq1"),
                stack("b", branch="feature/b", environment_suffix="feature-b-0a1b2c"),
                stack("environment", branch="main", environment_suffix="main-v4grq1"),
                stack("pipeline", branch="main", environment_suffix="main-v4grq1"),
            ]
        },
    )


def resources(stub: Stubber, stack: str, kind: str, name: str) -> None:
    resource = {
        "LogicalResourceId": "R",
        "ResourceType": kind,
        "PhysicalResourceId": name,
        "LastUpdatedTimestamp": 0,
        "ResourceStatus": "CREATE_COMPLETE",
    }
    stub.add_response(
        "list_stack_resources", {"StackResourceSummaries": [resource]}, {"StackName": stack}
    )


def test_b5_the_pipeline_of_a_branch_is_found_by_the_tags_of_its_stack(aws: type_of_aws) -> None:
    client, stub = aws("cloudformation")
    stacks(stub)
    resources(stub, "environment", "AWS::SQS::Queue", "queue")
    resources(stub, "pipeline", "AWS::CodePipeline::Pipeline", PIPELINE)
    assert pipeline_of_branch(client, "main") == PIPELINE


def test_b5_a_branch_whose_name_no_tag_can_hold_is_found_by_its_suffix(aws: type_of_aws) -> None:
    client, stub = aws("cloudformation")
    tag = {"Key": "environment-suffix", "Value": suffix_of_branch("größe")}
    stack = {"StackName": "s", "StackStatus": "CREATE_COMPLETE", "CreationTime": 0, "Tags": [tag]}
    stub.add_response("describe_stacks", {"Stacks": [stack]})
    resources(stub, "s", "AWS::CodePipeline::Pipeline", PIPELINE)
    assert pipeline_of_branch(client, "größe") == PIPELINE


def test_a_branch_without_a_pipeline_is_answered_with_those_that_have_one(aws: type_of_aws) -> None:
    client, stub = aws("cloudformation")
    stacks(stub)
    with pytest.raises(NoPipeline, match=r"BRANCH='x' has no pipeline; .*: feature/b, main"):
        pipeline_of_branch(client, "x")


def test_b5_the_command_approves(aws: type_of_aws, monkeypatch: pytest.MonkeyPatch) -> None:
    class Session:
        def client(self, service: str) -> Any:
            return aws(service)[0]

    monkeypatch.setattr(program, "open_session", Session)
    stacks(aws("cloudformation")[1])
    resources(aws("cloudformation")[1], "b", "AWS::CodePipeline::Pipeline", PIPELINE)
    waits(aws("codepipeline")[1])
    answered(aws("codepipeline")[1], "Approved")
    words = ["--branch", "feature/b", "--execution", RUN, "--answer", "yes"]
    assert program.main(words) == 0


def test_ctrl_c_decides_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "open_session", interrupted)
    assert program.main(["--branch", "main"]) == 130
    assert "nothing was decided" in capsys.readouterr().err
