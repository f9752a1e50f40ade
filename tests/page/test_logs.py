"""The log of an action: of a build, of a stack's deployment, or a file of the local cloud."""

from pathlib import Path
from typing import Any

from tests.page import world
from tests.page.conftest import Ask, asking
from tests.page.html import card_of, text_of
from tests.page.recorded import RecordedAccount
from tests.page.world import PIPELINE, RUN, ago

_PAGE = f"/runs/{PIPELINE}/{RUN}"
_BUILD = "transaction-synth:0a1b"


async def _log(ask: Ask, *, action: str = "") -> str:
    query = f"?action={action}" if action else ""
    return card_of((await ask(f"{_PAGE}{query}")).text, "log")


def _built(account: RecordedAccount, **where: str) -> None:
    """The run builds, and CodeBuild has its log `where`."""
    world.delivered(account)
    result = {"externalExecutionId": _BUILD, "externalExecutionUrl": "https://console/build"}
    world.actions(account, world.action("Build.Synth", "InProgress", result=result))
    account.answer("codebuild.BatchGetBuilds", {"builds": [{"id": _BUILD, "logs": where}]})


async def test_the_log_of_a_build_is_that_of_cloudwatch(aws: RecordedAccount, ask: Ask) -> None:
    _built(aws, groupName="/aws/codebuild/x", streamName="synth/1", deepLink="https://console/log")
    aws.answer(
        "logs.GetLogEvents",
        {"events": [{"timestamp": 1, "message": "ruff <check>\n"}, {"message": "4 passed\n"}]},
    )
    log = await _log(ask)
    assert "ruff &lt;check&gt;\n4 passed\n" in log
    assert 'href="https://console/log"' in log
    assert "Build / Synth" in text_of(log)
    (request,) = [r for name, r in aws.calls if name == "logs.GetLogEvents"]
    assert (request["logGroupName"], request["logStreamName"]) == ("/aws/codebuild/x", "synth/1")


async def test_a_growing_log_is_read_again_soon(aws: RecordedAccount, ask: Ask) -> None:
    _built(aws, groupName="g", streamName="s")
    aws.answer("logs.GetLogEvents", {"events": []})
    log = await _log(ask)
    assert 'hx-trigger="every 2s"' in log
    assert "It has no log lines" in text_of(log)


async def test_a_build_that_waits_for_its_machine_has_no_log_yet(
    aws: RecordedAccount, ask: Ask
) -> None:
    _built(aws)
    log = text_of(await _log(ask))
    assert "It has no log lines" in log
    assert "https://console/build" in log


async def test_a_build_that_codebuild_has_forgotten_is_named(
    aws: RecordedAccount, ask: Ask
) -> None:
    _built(aws)
    aws.answer("codebuild.BatchGetBuilds", {"builds": [], "buildsNotFound": [_BUILD]})
    assert f"CodeBuild has no build {_BUILD}" in text_of(await _log(ask))


async def test_only_the_end_of_a_long_log_is_shown_and_it_says_so(
    aws: RecordedAccount, ask: Ask
) -> None:
    _built(aws, groupName="g", streamName="s")
    aws.answer("logs.GetLogEvents", lambda r: {"events": [{"message": "line"}] * r["limit"]})
    assert "Only the end is shown" in text_of(await _log(ask))


def _event(seconds_ago: float, status: str, **more: str) -> dict[str, Any]:
    return {
        "StackId": "arn:stack",
        "EventId": str(seconds_ago),
        "StackName": "transaction-x",
        "Timestamp": ago(seconds_ago),
        "ResourceStatus": status,
        "LogicalResourceId": "Queue",
        **more,
    }


def _deploying(account: RecordedAccount, *events: dict[str, Any], state: str = "Failed") -> None:
    world.delivered(account)
    deploy = world.action(
        "Environment.Deploy",
        state,
        provider="CloudFormation",
        began=60,
        took=50,
        configuration={"StackName": "transaction-x"},
    )
    world.actions(account, deploy)
    account.answer("cloudformation.DescribeStackEvents", {"StackEvents": [*events]})


async def test_the_log_of_a_deployment_is_what_happened_to_the_stack_meanwhile(
    aws: RecordedAccount, ask: Ask
) -> None:
    _deploying(
        aws,
        _event(5, "AFTER_IT"),
        _event(20, "CREATE_FAILED", ResourceStatusReason="no such key"),
        _event(50, "CREATE_IN_PROGRESS"),
        _event(70, "BEFORE_IT"),
    )
    log = await _log(ask)
    assert f"{ago(50):%H:%M:%S} CREATE_IN_PROGRESS Queue\n" in log
    assert f"{ago(20):%H:%M:%S} CREATE_FAILED Queue no such key\n" in log
    assert log.index("CREATE_IN_PROGRESS") < log.index("CREATE_FAILED")
    assert "AFTER_IT" not in log
    assert "BEFORE_IT" not in log


async def test_a_deployment_in_progress_shows_events_until_now(
    aws: RecordedAccount, ask: Ask
) -> None:
    _deploying(aws, _event(1, "CREATE_IN_PROGRESS"), state="InProgress")
    assert "CREATE_IN_PROGRESS" in await _log(ask)


async def test_actions_without_a_log_link_to_their_service(aws: RecordedAccount, ask: Ask) -> None:
    world.delivered(aws)
    result = {"externalExecutionUrl": "https://github.com/owner/name/commit/3f2a"}
    world.actions(aws, world.action("Source.Source", provider="Source", result=result))
    assert 'href="https://github.com/owner/name/commit/3f2a"' in await _log(ask)


async def test_the_first_failure_is_shown_unless_another_action_is_asked_for(
    aws: RecordedAccount, ask: Ask
) -> None:
    world.delivered(aws)
    world.actions(aws, world.action("Build.Synth", "Failed"), world.action("Source.Source"))
    assert "Build / Synth" in text_of(await _log(ask))
    assert "Source / Source" in text_of(await _log(ask, action="Source.Source"))
    waiting = await _log(ask, action="Environment.Tests")
    assert "It has not begun" in text_of(waiting)
    assert "This run has no action X" in text_of(await _log(ask, action="X"))
    # Its refresh asks for the same action again.
    assert "cards/log?action=Environment.Tests&amp;seen=" in waiting


async def test_of_a_run_that_succeeded_the_last_log_is_shown(
    aws: RecordedAccount, ask: Ask
) -> None:
    world.delivered(aws)
    world.actions(aws, world.action("Build.Synth", began=5), world.action("Source.Source"))
    assert "Build / Synth" in text_of(await _log(ask))


def _writing(account: RecordedAccount, file: Path | str) -> None:
    world.delivered(account)
    result = {"externalExecutionUrl": str(file)}
    world.actions(account, world.action("Build.Synth", "InProgress", result=result))


def _file(account: RecordedAccount, text: str) -> Path:
    assert account.settings.state is not None
    file = account.settings.state / "pipelines" / "log"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file


async def test_the_local_cloud_logs_to_files(local: RecordedAccount) -> None:
    file = _file(local, "first\nlast\n")
    _writing(local, file)
    log = await _log(asking(local))
    assert "first\nlast\n" in log
    assert str(file) in log
    assert "Only the end" not in log


async def test_the_end_of_a_large_file_is_shown(local: RecordedAccount) -> None:
    _writing(local, _file(local, "begin\n" + "a line of the log\n" * 30_000 + "end\n"))
    log = await _log(asking(local))
    assert "begin" not in log
    assert "\nend\n" in log
    assert "Only the end is shown" in text_of(log)


async def test_files_outside_of_the_state_folder_are_not_shown(
    local: RecordedAccount, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the key")
    link = _file(local, "").with_name("link")
    link.symlink_to(secret)
    for path in (secret, f"{link.parent}/../../secret", link, ""):
        local.forget()
        _writing(local, path)
        assert "the key" not in await _log(asking(local))


async def test_a_log_that_was_deleted_is_named(local: RecordedAccount) -> None:
    assert local.settings.state is not None
    _writing(local, local.settings.state / "gone.log")
    shown = text_of(await _log(asking(local)))
    assert "The log cannot be read" in shown
    assert "gone.log" in shown
