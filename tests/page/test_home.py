"""The first page: newest runs with their stages, and branches with their environments."""

import re

from tests.page import world
from tests.page.conftest import Ask, asking
from tests.page.html import card_of, text_of
from tests.page.recorded import RecordedAccount
from tests.page.world import COMMIT, OLDER, PIPELINE, RUN, SUFFIX


async def test_a_push_is_shown_stage_by_stage(aws: RecordedAccount, ask: Ask) -> None:
    world.delivered(aws)
    runs = card_of((await ask("/")).text, "runs")
    shown = text_of(runs)
    assert f"InProgress feature/x {COMMIT[:12]} Post in batches" in shown
    assert "Source Succeeded, 3 s" in shown
    assert re.search(r"Build InProgress, \d+ min \d+ s", shown)
    assert "Environment Waiting" in shown
    assert f'href="/runs/{PIPELINE}/{RUN}"' in runs


async def test_runs_are_shown_newest_first(aws: RecordedAccount, ask: Ask) -> None:
    world.delivered(aws)
    runs = card_of((await ask("/")).text, "runs")
    assert 0 < runs.index(RUN) < runs.index(OLDER)


async def test_a_run_that_ended_says_why_and_how_long_it_took(
    aws: RecordedAccount, ask: Ask
) -> None:
    world.delivered(aws)
    failed = world.run(state="Failed", began=300, took=125)
    world.runs(aws, {**failed, "statusSummary": "Build/Synth: 3 tests failed"})
    world.actions(aws, world.action("Build.Synth", "Failed"), world.action("Source.Source"))
    shown = text_of(card_of((await ask("/")).text, "runs"))
    assert "UTC, 2 min 5 s" in shown
    assert "Build/Synth: 3 tests failed" in shown
    assert "Build Failed" in shown


async def test_a_run_that_waits_for_an_approval_says_so(aws: RecordedAccount, ask: Ask) -> None:
    world.delivered(aws)
    world.declared(aws, "Production.Approve:Manual", "Production.Deploy")
    world.actions(aws, world.action("Production.Approve", "InProgress", provider="Manual"))
    assert "Production waits for an approval" in text_of((await ask("/")).text)


async def test_cards_ask_again_after_2_s_while_something_runs_else_after_10_s(
    aws: RecordedAccount, ask: Ask
) -> None:
    world.delivered(aws)
    live = (await ask("/")).text
    assert 'hx-trigger="every 2s"' in card_of(live, "runs")
    assert 'hx-trigger="every 2s"' in card_of(live, "branches")
    aws.forget()
    world.runs(aws, world.run(state="Succeeded"))
    rest = (await ask("/")).text
    assert 'hx-trigger="every 10s"' in card_of(rest, "runs")
    assert 'hx-trigger="every 10s"' in card_of(rest, "branches")


async def test_a_branch_has_its_environment_expiry_cost_and_last_run(
    aws: RecordedAccount, ask: Ask
) -> None:
    world.delivered(aws)
    branches = card_of((await ask("/")).text, "branches")
    shown = text_of(branches)
    assert f"feature/x {SUFFIX} CREATE_COMPLETE live 2026-12-10 16:29 UTC $" in shown
    assert f'href="/environments/{SUFFIX}"' in branches
    assert f"InProgress {COMMIT[:12]}" in shown


async def test_a_sleeping_branch_says_since_when(aws: RecordedAccount, ask: Ask) -> None:
    world.delivered(aws)
    sleeping = {"M": {"since": {"S": "2026-11-26T19:00:00Z"}, "until": {"NULL": True}}}
    world.records(aws, world.record(SUFFIX, state="live", sleeping=sleeping))
    shown = text_of(card_of((await ask("/")).text, "branches"))
    assert "asleep since 2026-11-26 19:00 UTC" in shown
    assert "until" not in shown, "no schedule wakes it"
    assert "never" in shown, "it does not expire"


async def test_a_branch_that_the_hub_wakes_says_so_and_is_read_again_soon(
    aws: RecordedAccount, ask: Ask
) -> None:
    world.delivered(aws)
    world.runs(aws)
    sleeping = {"M": {"since": {"S": "2026-11-26T19:00:00Z"}, "until": {"S": "07:00"}}}
    world.records(aws, world.record(SUFFIX, state="live", sleeping=sleeping, lock_purpose="wake"))
    card = card_of((await ask("/")).text, "branches")
    assert "UTC, until 07:00 wake in progress" in text_of(card)
    assert 'hx-trigger="every 2s"' in card


async def test_what_only_the_hub_knows_is_shown_with_its_cause(
    aws: RecordedAccount, ask: Ask
) -> None:
    world.delivered(aws)
    refused = world.record("late-0a0a0a", state="refused", branch="late", cause="no place is free")
    world.records(aws, refused)
    shown = text_of(card_of((await ask("/")).text, "branches"))
    assert "late none refused no place is free never never ran" in shown


async def test_an_environment_without_a_pipeline_is_shown(aws: RecordedAccount, ask: Ask) -> None:
    world.delivered(aws)
    world.stacks(aws, world.environment_stack())
    shown = text_of(card_of((await ask("/")).text, "branches"))
    assert f"feature/x {SUFFIX} CREATE_COMPLETE" in shown


async def test_the_trunks_pipeline_has_all_environments_of_the_trunk(
    aws: RecordedAccount, ask: Ask
) -> None:
    world.delivered(aws)
    world.stacks(
        aws,
        world.pipeline_stack("main-v4grq1", branch="main"),
        world.environment_stack("staging", branch="main"),
        world.environment_stack("production", branch="main"),
        world.environment_stack("other-1a2b3c", branch="other"),
    )
    shown = text_of(card_of((await ask("/")).text, "branches"))
    assert "main production CREATE_COMPLETE staging CREATE_COMPLETE never $" in shown
    assert "other other-1a2b3c CREATE_COMPLETE" in shown


async def test_other_stacks_of_the_account_are_not_shown(aws: RecordedAccount, ask: Ask) -> None:
    world.delivered(aws)
    foreign = world.stack("foreign", tags={"team": "x"})
    deleted = world.environment_stack("gone-1a2b3c") | {"StackStatus": "DELETE_COMPLETE"}
    hub = world.stack("BranchHub-old", tags={"branch-hub": "hub-old"})  # has no outputs yet
    world.stacks(aws, foreign, deleted, hub)
    page = (await ask("/")).text
    assert "foreign" not in page
    assert "gone-1a2b3c" not in page


async def test_an_empty_account_says_what_to_do(
    aws: RecordedAccount, local: RecordedAccount, ask: Ask
) -> None:
    for account in (aws, local):
        world.stacks(account)
    assert "A push to a branch starts one" in text_of((await ask("/")).text)
    shown = text_of((await asking(local)("/")).text)
    assert "make up or git push local <branch> starts one" in shown
    assert "There is no branch yet" in shown
