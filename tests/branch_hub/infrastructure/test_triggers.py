"""S8, B2: what starts the hub's machines and functions: events, webhooks and the schedule."""

import json
from typing import Any

import pytest

from tests.branch_hub.infrastructure.hubs import CODECOMMIT_HUB, GITHUB_HUB
from tests.infra.templates import Synthesized, text

H = CODECOMMIT_HUB


def rule(hub: Synthesized, name: str) -> dict[str, Any]:
    return hub.one("AWS::Events::Rule", Name=f"{name}-{H}")


@pytest.mark.parametrize(
    ("name", "machine", "detail_types"),
    [
        ("branch-pushed", "branch-create", ["Branch Pushed"]),
        (
            "branch-gone",
            "branch-destroy",
            ["Branch Deleted", "Environment Expired", "Environment Orphaned"],
        ),
    ],
)
def test_s8_an_event_of_a_branch_starts_the_machine_with_its_detail(
    hub: Synthesized, name: str, machine: str, detail_types: list[str]
) -> None:
    started, _ = hub.only("AWS::StepFunctions::StateMachine", StateMachineName=f"{machine}-{H}")
    bus, _ = hub.only("AWS::Events::EventBus", Name=f"branch-events-{H}")
    found = rule(hub, name)
    (target,) = found["Targets"]

    assert found["EventBusName"] == {"Ref": bus}
    assert found["EventPattern"] == {
        "source": ["transaction-pipeline.branches"],
        "detail-type": detail_types,
    }
    assert target["Arn"] == {"Ref": started}
    assert target["InputPath"] == "$.detail"


def test_undelivered_events_are_kept_for_two_weeks(every_hub: Synthesized) -> None:
    queue, properties = every_hub.only("AWS::SQS::Queue")

    for found in every_hub.properties("AWS::Events::Rule"):
        for target in found["Targets"]:
            assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": [queue, "Arn"]}}
    assert properties["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_s8_codecommit_reports_created_moved_and_deleted_branches(
    hub: Synthesized,
) -> None:
    found = rule(hub, "branch-codecommit")
    intake, _ = hub.only("AWS::Lambda::Function", FunctionName=f"branch-intake-{H}")

    assert found["EventPattern"] == {
        "source": ["aws.codecommit"],
        "detail-type": ["CodeCommit Repository State Change"],
        "resources": ["arn:aws:codecommit:us-east-1:000000000000:transaction-pipeline"],
        "detail": {
            "referenceType": ["branch"],
            "event": ["referenceCreated", "referenceUpdated", "referenceDeleted"],
        },
    }
    assert found["Targets"][0]["Arn"] == {"Fn::GetAtt": [intake, "Arn"]}
    assert "EventBusName" not in found  # AWS services publish on the account's default bus


def test_an_update_of_a_deployed_hub_keeps_the_rule_of_its_git_host(hub: Synthesized) -> None:
    """CloudFormation would create a rule with another id first; its name would be taken."""
    logical_id, _ = hub.only("AWS::Events::Rule", Name=f"branch-codecommit-{H}")

    assert logical_id == "IntakeCodeCommit674E40FD"


def test_s8_github_posts_to_a_url_that_needs_no_aws_identity(github_hub: Synthesized) -> None:
    """The hub receives no events of another host."""
    intake, _ = github_hub.only("AWS::Lambda::Function", FunctionName=f"branch-intake-{GITHUB_HUB}")
    url, properties = github_hub.only("AWS::Lambda::Url")
    open_to_all = [
        (p["Action"], p.get("FunctionUrlAuthType"), p.get("InvokedViaFunctionUrl"))
        for p in github_hub.properties("AWS::Lambda::Permission")
        if p["Principal"] == "*"
    ]

    assert properties == {
        "AuthType": "NONE",
        "TargetFunctionArn": {"Fn::GetAtt": [intake, "Arn"]},
    }
    assert github_hub.json["Outputs"]["WebhookUrl"]["Value"] == {"Fn::GetAtt": [url, "FunctionUrl"]}
    # Both are needed since October 2025; the second is for the URL alone.
    assert open_to_all == [
        ("lambda:InvokeFunctionUrl", "NONE", None),
        ("lambda:InvokeFunction", None, True),
    ]
    assert "aws.codecommit" not in text(github_hub.json)


def test_the_asset_collector_runs_every_day_and_only_reports(hub: Synthesized) -> None:
    found = rule(hub, "asset-collect-daily")

    assert found["ScheduleExpression"] == "cron(40 3 * * ? *)"
    assert json.loads(found["Targets"][0]["Input"]) == {"apply": False}


def test_b2_the_reconciler_runs_every_hour_and_only_reports(
    hub: Synthesized,
) -> None:
    found = rule(hub, "branch-reconcile-hourly")

    assert found["ScheduleExpression"] == "rate(1 hour)"
    assert json.loads(found["Targets"][0]["Input"]) == {"apply": False}


def test_a_failed_stage_of_our_pipelines_invokes_the_retry_function(hub: Synthesized) -> None:
    retry, _ = hub.only("AWS::Lambda::Function", FunctionName=f"pipeline-retry-{H}")
    found = rule(hub, "pipeline-stage-failed")

    assert found["EventPattern"] == {
        "source": ["aws.codepipeline"],
        "detail-type": ["CodePipeline Stage Execution State Change"],
        "detail": {"pipeline": [{"prefix": "transaction-pipeline-"}], "state": ["FAILED"]},
    }
    assert found["Targets"][0]["Arn"] == {"Fn::GetAtt": [retry, "Arn"]}


def test_s8_a_flood_of_webhooks_leaves_concurrency_for_other_functions(
    every_hub: Synthesized,
) -> None:
    """Of the account's functions it alone has a limit; all others share the rest."""
    reserved = {
        text(function["FunctionName"]).strip('"').rsplit("-hub-")[0]: function[
            "ReservedConcurrentExecutions"
        ]
        for function in every_hub.properties("AWS::Lambda::Function")
        if "ReservedConcurrentExecutions" in function
    }

    assert reserved == {"branch-intake": 5}


def test_b13_a_run_of_a_pipeline_wakes_the_environment_of_that_pipeline(hub: Synthesized) -> None:
    wake, _ = hub.only("AWS::StepFunctions::StateMachine", StateMachineName=f"branch-wake-{H}")
    found = rule(hub, "pipeline-run-started")
    (target,) = found["Targets"]

    assert "EventBusName" not in found  # CodePipeline puts its events on the account's bus
    assert found["EventPattern"]["detail"] == {
        "pipeline": [{"prefix": "transaction-pipeline-"}],
        "state": ["STARTED", "RESUMED"],
    }
    assert (target["Arn"], target["InputPath"]) == ({"Ref": wake}, "$.detail")


def test_b13_environments_sleep_every_evening_and_wake_on_working_days(hub: Synthesized) -> None:
    found = {
        schedule["Name"]: (
            schedule["ScheduleExpression"],
            schedule["ScheduleExpressionTimezone"],
            json.loads(schedule["Target"]["Input"]),
        )
        for schedule in hub.properties("AWS::Scheduler::Schedule")
    }

    assert found == {
        f"branch-sleep-{H}": ("cron(0 20 * * ? *)", "Europe/Berlin", {"direction": "sleep"}),
        f"branch-wake-{H}": ("cron(30 7 ? * MON-FRI *)", "Europe/Berlin", {"direction": "wake"}),
    }


def test_b13_an_evening_that_is_missed_is_not_made_up_for_in_working_hours(
    hub: Synthesized,
) -> None:
    for schedule in hub.properties("AWS::Scheduler::Schedule"):
        assert schedule["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 3600


def test_b13_the_scheduler_may_write_to_the_encrypted_queue_of_dead_letters(
    hub: Synthesized,
) -> None:
    for schedule in hub.properties("AWS::Scheduler::Schedule"):
        role = schedule["Target"]["RoleArn"]["Fn::GetAtt"][0]
        allowed = [
            statement
            for policy in hub.properties("AWS::IAM::Policy")
            if {"Ref": role} in policy["Roles"]
            for statement in policy["PolicyDocument"]["Statement"]
            if "kms:GenerateDataKey" in statement["Action"]
        ]
        assert [s["Condition"]["StringEquals"]["kms:ViaService"] for s in allowed] == [
            "sqs.us-east-1.amazonaws.com"
        ]


def test_b13_without_the_setting_nothing_is_scheduled(github_hub: Synthesized) -> None:
    assert [*github_hub.properties("AWS::Scheduler::Schedule")] == []
