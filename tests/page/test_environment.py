"""The page of an environment: its tasks, databases, queues, alarms and audit trail."""

from typing import Any

import pytest

from tests.page import world
from tests.page.conftest import Ask
from tests.page.html import card_of, text_of
from tests.page.recorded import RecordedAccount
from tests.page.world import SUFFIX, ago, alarm, line

_PAGE = f"/environments/{SUFFIX}"


async def _card(ask: Ask, name: str) -> str:
    return text_of(card_of((await ask(_PAGE)).text, name))


@pytest.fixture
def environment(aws: RecordedAccount) -> RecordedAccount:
    return world.environment(aws)


async def test_it_shows_addresses_expiry_and_cost(environment: RecordedAccount, ask: Ask) -> None:
    shown = await _card(ask, "environment")
    assert f"Stack transaction-{SUFFIX} CREATE_COMPLETE Branch feature/x" in shown
    assert "Expires 2026-12-10 16:29 UTC Sleep awake Cost $" in shown
    assert "ApiUrl https://api.example.com" in shown
    assert "AuditBucketName audit" in shown
    assert "-----BEGIN" not in shown


async def test_tasks_are_shown_by_zone(environment: RecordedAccount, ask: Ask) -> None:
    shown = await _card(ask, "tasks")
    assert "2 of 2 wanted tasks run" in shown
    assert (
        "us-east-1a RUNNING HEALTHY bbbbbbbb 10.0.a.1, version 7 "
        "us-east-1b RUNNING HEALTHY aaaaaaaa 10.0.b.1, version 7"
    ) in shown


async def test_tasks_are_read_again_soon_while_some_are_missing(
    environment: RecordedAccount, ask: Ask
) -> None:
    environment.answer("ecs.ListTasks", {"taskArns": []})
    card = card_of((await ask(_PAGE)).text, "tasks")
    assert "0 of 2 wanted tasks run" in text_of(card)
    assert 'hx-trigger="every 2s"' in card


async def test_a_task_that_starts_has_no_address_yet(
    environment: RecordedAccount, ask: Ask
) -> None:
    task = {
        "taskArn": "arn:aws:ecs:::task/c/cccccccc",
        "taskDefinitionArn": "arn:aws:ecs:::task-definition/transaction:8",
        "lastStatus": "PROVISIONING",
        "containers": [{"networkInterfaces": [{"attachmentId": "1"}]}],
    }
    environment.answer("ecs.DescribeTasks", {"tasks": [task]})
    assert "no zone yet PROVISIONING UNKNOWN cccccccc , version 8" in await _card(ask, "tasks")


async def test_databases_have_their_roles_and_zones_the_writer_first(
    environment: RecordedAccount, ask: Ask
) -> None:
    shown = await _card(ask, "databases")
    assert "available transaction-db aurora-postgresql 15.8" in shown
    assert (
        "writer available us-east-1b transaction-db-second, us-east-1b.example.com "
        "reader rebooting us-east-1a transaction-db-first, us-east-1a.example.com"
    ) in shown


async def test_an_instance_that_is_no_member_any_more_says_so(
    environment: RecordedAccount, ask: Ask
) -> None:
    leaving = {
        "DBInstanceIdentifier": f"transaction-db-third-{SUFFIX}",
        "DBClusterIdentifier": f"transaction-db-{SUFFIX}",
        "DBInstanceStatus": "deleting",
    }
    foreign = {**leaving, "DBInstanceIdentifier": "x", "DBClusterIdentifier": "foreign"}
    environment.answer("rds.DescribeDBInstances", {"DBInstances": [leaving, foreign]})
    shown = await _card(ask, "databases")
    assert "leaves the cluster deleting transaction-db-third" in shown
    assert " x," not in shown


async def test_queues_have_their_depth_and_the_age_of_the_oldest_message(
    environment: RecordedAccount, ask: Ask
) -> None:
    """Dead letters last, and marked when there are any."""
    card = card_of((await ask(_PAGE)).text, "queues")
    assert "transaction-queue 42 7 1 min 35 s transaction-dead-letters 1 0 -" in text_of(card)
    assert card.index('class="worrying"') > card.index("transaction-queue")


async def test_alarms_that_are_on_say_since_when_and_why(
    environment: RecordedAccount, ask: Ask
) -> None:
    shown = await _card(ask, "alarms")
    since = f"{ago(120):%Y-%m-%d %H:%M:%S}"
    assert f"ALARM queue-age since {since} Threshold crossed" in shown
    assert "errors" not in shown
    assert "another-environment" not in shown


async def test_an_alarm_without_actions_is_named_silent(
    environment: RecordedAccount, ask: Ask
) -> None:
    on = alarm(f"service-down-{SUFFIX}", "ALARM", ActionsEnabled=False)
    environment.answer("cloudwatch.DescribeAlarms", {"CompositeAlarms": [on]})
    assert "(silent)" in await _card(ask, "alarms")


async def test_no_alarm_says_how_many_are_watched(environment: RecordedAccount, ask: Ask) -> None:
    off = alarm(f"errors-{SUFFIX}", "OK")
    environment.answer("cloudwatch.DescribeAlarms", {"MetricAlarms": [off]})
    assert "None of 1." in await _card(ask, "alarms")


async def test_the_last_verification_says_what_it_compared(
    environment: RecordedAccount, ask: Ask
) -> None:
    shown = await _card(ask, "audit")
    assert f"consistent, {ago(80):%Y-%m-%d %H:%M:%S} UTC transactions 33" in shown


async def test_discrepancies_are_shown_until_a_verification_finds_none(
    environment: RecordedAccount, ask: Ask
) -> None:
    found = line({"message": "audit discrepancy", "discrepancies": 4}, 70)
    ended = line({"message": "audit verified", "batches": 9}, 69)
    world.log_of_the_verifier(environment, found, ended)
    assert "ALARM 4 discrepancies" in await _card(ask, "audit")
    environment.forget()
    world.log_of_the_verifier(
        environment, ended, line({"message": "audit verified", "batches": 9}, 5), found
    )
    assert "OK consistent" in await _card(ask, "audit")
    environment.forget()
    world.log_of_the_verifier(environment, found)  # that verification did not reach its end
    assert "ALARM 4 discrepancies" in await _card(ask, "audit")


async def test_traces_do_not_push_the_last_verification_off_the_page(
    environment: RecordedAccount, ask: Ask
) -> None:
    """They write to the same log, in streams that are newer, and may name the same words."""
    ended = line({"message": "audit verified", "batches": 9}, 3500)
    traces = [
        line({"message": "trace", "note": "not audit verified", "batches": n}, 60 - n / 100)
        for n in range(50)
    ]
    world.log_of_the_verifier(environment, ended, *traces)
    shown = await _card(ask, "audit")
    assert f"consistent, {ago(3500):%Y-%m-%d %H:%M:%S} UTC batches 9" in shown


async def test_an_old_verification_is_not_shown_as_the_last(
    environment: RecordedAccount, ask: Ask
) -> None:
    world.log_of_the_verifier(environment, line({"message": "audit verified"}, 3 * 3600))
    assert "log of the last two hours has none" in await _card(ask, "audit")


async def test_a_log_without_a_verification_says_so(environment: RecordedAccount, ask: Ask) -> None:
    world.log_of_the_verifier(environment)
    assert "log of the last two hours has none" in await _card(ask, "audit")


async def test_an_environment_without_a_verifier_says_so(
    environment: RecordedAccount, ask: Ask
) -> None:
    old = world.environment_stack()
    old["Outputs"] = []
    world.stacks(environment, old)
    assert "has no verifier yet" in await _card(ask, "audit")


async def test_an_environment_that_does_not_exist_is_named_in_every_card(
    aws: RecordedAccount, ask: Ask
) -> None:
    world.delivered(aws)
    shown = text_of((await ask("/environments/gone")).text)
    assert shown.count("There is no environment gone") == 6


async def test_a_cluster_without_its_service_yet_has_no_tasks(
    environment: RecordedAccount, ask: Ask
) -> None:
    cluster = {
        "LogicalResourceId": "Cluster",
        "PhysicalResourceId": "transaction-cluster",
        "ResourceType": "AWS::ECS::Cluster",
        "ResourceStatus": "CREATE_COMPLETE",
        "LastUpdatedTimestamp": ago(1),
    }
    environment.answer("cloudformation.ListStackResources", {"StackResourceSummaries": [cluster]})
    environment.answer("ecs.ListTasks", {"taskArns": []})
    assert "0 of 0 wanted tasks run" in await _card(ask, "tasks")
    assert environment.times("ecs.DescribeServices") == 0, "it refuses an empty list"


async def test_a_stack_that_is_being_created_has_no_queues_yet(
    environment: RecordedAccount, ask: Ask
) -> None:
    environment.answer("cloudformation.ListStackResources", {"StackResourceSummaries": []})
    page = (await ask(_PAGE)).text
    assert "The stack has no database yet" in text_of(card_of(page, "databases"))
    assert "Could not be read" not in page


def _letter(number: int, reason: str) -> dict[str, Any]:
    return {
        "MessageId": f"m{number}",
        "ReceiptHandle": f"r{number}",
        "Body": "{}",
        "Attributes": {"SentTimestamp": str(int(ago(50).timestamp() * 1000))},
        "MessageAttributes": {"reason": {"DataType": "String", "StringValue": reason}},
    }


async def test_dead_letters_are_counted_by_reason_with_advice(
    environment: RecordedAccount, ask: Ask
) -> None:
    letters = iter([[_letter(1, "bad_json: x"), _letter(2, "bad_json: y")]])
    environment.answer("sqs.GetQueueUrl", lambda r: {"QueueUrl": f"https://q/{r['QueueName']}"})
    environment.answer("sqs.ReceiveMessage", lambda _: {"Messages": next(letters, [])})
    environment.answer(
        "sqs.GetQueueAttributes", {"Attributes": {"ApproximateNumberOfMessagesNotVisible": "3"}}
    )
    environment.answer("sqs.ChangeMessageVisibilityBatch", {"Successful": [], "Failed": []})
    shown = text_of((await ask(f"{_PAGE}/cards/dead_letters")).text)
    assert "transaction-dead-letters 2 with bad_json oldest" in shown
    assert "fails again: the body does not change" in shown
    assert "message m1, 2 bytes, bad_json: x" in shown
    assert "Somebody else holds about 3" in shown
    assert "audit-dead-letters No dead letters." in shown
    assert "There may be more" not in shown


async def test_dead_letters_of_an_environment_that_does_not_exist(
    aws: RecordedAccount, ask: Ask
) -> None:
    aws.answer("sqs.GetQueueUrl", aws.client("sqs").exceptions.QueueDoesNotExist(
        {"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "GetQueueUrl"
    ))  # fmt: skip
    shown = text_of((await ask("/environments/gone/cards/dead_letters")).text)
    assert "there is no queue transaction-dead-letters-gone" in shown
