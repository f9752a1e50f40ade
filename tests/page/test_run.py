"""The page of one run: stages, actions and why an action failed."""

from tests.page import world
from tests.page.conftest import Ask
from tests.page.html import card_of, text_of
from tests.page.recorded import RecordedAccount, refusal
from tests.page.world import COMMIT, OLDER, PIPELINE, RUN

_PAGE = f"/runs/{PIPELINE}/{RUN}"


async def _shown(ask: Ask) -> str:
    return text_of(card_of((await ask(_PAGE)).text, "run"))


async def test_a_run_shows_every_action_with_its_state_and_time(
    aws: RecordedAccount, ask: Ask
) -> None:
    world.delivered(aws)
    shown = await _shown(ask)
    assert f"InProgress {PIPELINE} {COMMIT[:12]} Post in batches" in shown
    began = f"{world.ago(65):%Y-%m-%d %H:%M:%S}"
    assert f"Source Source CodeStarSourceConnection Succeeded {began} 3 s log" in shown
    assert "Build Synth CodeBuild InProgress" in shown
    assert "Environment Deploy CloudFormation Waiting Tests CodeBuild Waiting" in shown


async def test_a_retried_action_shows_its_last_attempt(aws: RecordedAccount, ask: Ask) -> None:
    world.delivered(aws)
    again = world.action("Build.Synth", "Succeeded", began=10, took=8)
    world.actions(aws, again, world.action("Build.Synth", "Failed", began=60))
    shown = await _shown(ask)
    assert "Synth CodeBuild Succeeded" in shown
    assert "Failed" not in shown


async def test_a_stage_that_the_pipeline_has_no_longer_is_shown_last(
    aws: RecordedAccount, ask: Ask
) -> None:
    world.delivered(aws)
    world.actions(aws, world.action("Old.Gone"), world.action("Source.Source"))
    shown = await _shown(ask)
    assert shown.index("Environment") < shown.index("Old Gone")


async def test_a_failed_action_says_why(aws: RecordedAccount, ask: Ask) -> None:
    world.delivered(aws)
    world.actions(
        aws,
        world.action(
            "Environment.Deploy",
            "Failed",
            result={"errorDetails": {"code": "JobFailed", "message": "rolled back"}},
        ),
        world.action(
            "Build.Synth", "Failed", result={"externalExecutionSummary": "3 tests failed"}
        ),
    )
    shown = await _shown(ask)
    assert "rolled back" in shown
    assert "3 tests failed" in shown


async def test_a_stage_between_two_of_its_actions_is_in_progress(
    aws: RecordedAccount, ask: Ask
) -> None:
    world.delivered(aws)
    world.actions(aws, world.action("Environment.Deploy", provider="CloudFormation"))
    strip = text_of(card_of((await ask("/")).text, "runs"))
    assert "Environment InProgress" in strip


async def test_a_stage_is_as_bad_as_its_worst_action(aws: RecordedAccount, ask: Ask) -> None:
    world.delivered(aws)
    world.actions(
        aws, world.action("Environment.Deploy"), world.action("Environment.Tests", "Abandoned")
    )
    assert "Environment Abandoned" in text_of(card_of((await ask("/")).text, "runs"))


async def test_a_run_that_waits_for_an_approval_says_so(aws: RecordedAccount, ask: Ask) -> None:
    world.delivered(aws)
    world.declared(aws, "Production.Approve:Manual")
    world.actions(aws, world.action("Production.Approve", "InProgress", provider="Manual"))
    assert "waits for an approval" in await _shown(ask)


async def test_a_run_that_does_not_exist_says_so(aws: RecordedAccount, ask: Ask) -> None:
    world.delivered(aws)
    page = await ask(f"/runs/{PIPELINE}/none")
    assert "has no run none among its newest" in text_of(page.text)


async def test_a_pipeline_that_was_deleted_says_so(aws: RecordedAccount, ask: Ask) -> None:
    world.delivered(aws)
    gone = refusal("PipelineNotFoundException", "ListPipelineExecutions")
    aws.answer("codepipeline.ListPipelineExecutions", gone)
    aws.answer("codepipeline.GetPipelineState", gone)
    for path in (f"/pipelines/{PIPELINE}", _PAGE):
        shown = text_of((await ask(path)).text)
        assert f"There is no pipeline {PIPELINE}: was its branch deleted?" in shown


async def test_a_pipeline_shows_where_its_runs_are(aws: RecordedAccount, ask: Ask) -> None:
    world.delivered(aws)
    page = (await ask(f"/pipelines/{PIPELINE}")).text
    stages = text_of(card_of(page, "stages"))
    assert f"Source Succeeded {RUN[:8]} Succeeded Source" in stages
    assert "Build Failed 11111111 22222222 waits before it Failed Synth 3 tests failed" in stages
    assert "Environment Waiting none yet" in stages
    assert 'hx-trigger="every 10s"' in card_of(page, "stages")
    history = card_of(page, "history")
    assert history.index(RUN) < history.index(OLDER)


async def test_other_errors_of_a_pipeline_are_shown_as_they_are(
    aws: RecordedAccount, ask: Ask
) -> None:
    world.delivered(aws)
    aws.answer("codepipeline.GetPipelineState", refusal("ThrottlingException", "GetPipelineState"))
    assert "ThrottlingException" in (await ask(f"/pipelines/{PIPELINE}")).text


async def test_a_run_before_its_first_stage_has_no_times(aws: RecordedAccount, ask: Ask) -> None:
    world.delivered(aws)
    queued = {"pipelineExecutionId": RUN, "status": "InProgress"}
    world.runs(aws, queued)
    world.actions(aws)
    shown = text_of((await ask(_PAGE)).text)
    assert "No action has begun yet" in shown
    assert text_of(card_of((await ask("/")).text, "runs")).count("Waiting") == 3
