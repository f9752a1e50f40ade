"""S8: no run deploys while its stacks are deleted."""

import pytest
from botocore.exceptions import ClientError

from branch_hub.functions.shared.guard import NotOurs
from tests.account import tags_of
from tests.branch_hub.functions.teardown.conftest import Site


def test_s8_every_run_is_stopped_and_counted_until_it_ends(site: Site) -> None:
    site.runs("InProgress", "Stopping", "Succeeded", "Failed", "Stopped", "Superseded")
    site.stopped("run-0", force=False)
    assert site.ask("stop") == {"running": 2}

    site.runs("Stopped", "Stopped")
    assert site.ask("stop") == {"running": 0}


def test_s8_force_does_not_wait_for_the_actions_of_a_run(site: Site) -> None:
    site.runs("InProgress", "Stopping")
    site.stopped("run-0", force=True)
    site.stopped("run-1", force=True)

    assert site.ask("stop", force=True) == {"running": 2}


@pytest.mark.parametrize(
    "error", ["DuplicatedStopRequestException", "PipelineExecutionNotStoppableException"]
)
def test_s8_a_run_that_ends_meanwhile_is_no_error(site: Site, error: str) -> None:
    site.runs("InProgress")
    site.stopped("run-0", force=False, error=error)

    assert site.ask("stop") == {"running": 1}


def test_s8_a_run_that_may_not_be_stopped_is_an_error(site: Site) -> None:
    site.runs("InProgress")
    site.stopped("run-0", force=False, error="AccessDeniedException")

    with pytest.raises(ClientError, match="AccessDenied"):
        site.ask("stop")


@pytest.mark.parametrize("action", ["stop", "sweep"])
def test_b2_the_pipeline_of_another_repository_with_the_same_name_is_kept(
    site: Site, action: str
) -> None:
    """Its pipeline and its log groups have the names that ours would have."""
    logs, name = site.account.client("logs"), f"/aws/lambda/audit-writer-{site.suffix}"
    logs.create_log_group(logGroupName=name)
    tags = tags_of(site.suffix, repository="fork/app")
    site.account.deploy(f"DeliveryPipeline-{site.suffix}", tags=tags)

    with pytest.raises(NotOurs, match="belongs to repository fork/app"):
        site.ask(action)
    assert logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]


def test_s8_without_a_pipeline_nothing_runs(site: Site) -> None:
    site.pipeline_calls.add_client_error("list_pipeline_executions", "PipelineNotFoundException")

    assert site.ask("stop") == {"running": 0}


def test_s8_an_error_does_not_mean_that_nothing_runs(site: Site) -> None:
    site.pipeline_calls.add_client_error("list_pipeline_executions", "ThrottlingException")

    with pytest.raises(ClientError, match="Throttling"):
        site.ask("stop")


def test_s8_every_page_of_runs_is_read(site: Site) -> None:
    asked = {"pipelineName": site.pipeline}
    first = {"pipelineExecutionSummaries": [], "nextToken": "more"}
    site.pipeline_calls.add_response("list_pipeline_executions", first, asked)
    run = {"pipelineExecutionId": "run-0", "status": "Stopping"}
    site.pipeline_calls.add_response(
        "list_pipeline_executions",
        {"pipelineExecutionSummaries": [run]},
        {**asked, "nextToken": "more"},
    )

    assert site.ask("stop") == {"running": 1}
