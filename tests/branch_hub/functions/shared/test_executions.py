"""S8: a lock ends when its holder ends, and not before."""

from datetime import UTC, datetime, timedelta

import pytest

from branch_hub.functions.shared.executions import Executions
from tests.account import Account

NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)


@pytest.fixture
def executions(account: Account) -> Executions:
    return Executions(stepfunctions=account.client("stepfunctions"))


def test_s8_an_execution_runs_until_it_ends(account: Account, executions: Executions) -> None:
    arn = account.start_execution()

    # Independent of the time that it has been running.
    assert executions.is_running(arn, since=LONG_AGO, now=NOW)
    account.stop_execution(arn)
    assert not executions.is_running(arn, since=NOW, now=NOW)


def test_s8_an_unknown_execution_has_ended_unless_it_is_new(
    account: Account, executions: Executions
) -> None:
    """Step Functions may not know an execution that has just started."""
    unknown = account.start_execution() + "-never-started"

    assert not executions.is_running(unknown, since=NOW - timedelta(minutes=1), now=NOW)
    assert executions.is_running(unknown, since=NOW - timedelta(seconds=59), now=NOW)
