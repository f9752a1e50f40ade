"""The alarms of the queues, of what their functions do with messages, and of the audit trail."""

from collections.abc import Iterator

from infra.monitoring.alarm_rule import AlarmRule
from infra.monitoring.monitored_resources import MonitoredResources


def queue_alarm_rules(monitored: MonitoredResources) -> Iterator[AlarmRule]:
    """In the order of the dashboard."""
    yield from _on_the_way(monitored)
    yield from _queues(monitored)
    yield from _audit_trail(monitored)


def _on_the_way(monitored: MonitoredResources) -> Iterator[AlarmRule]:
    yield AlarmRule(
        name="outbox-age",
        reason="A transaction was acknowledged a minute ago and is not yet sent to the audit trail",
        metric=monitored.business.outbox_oldest_seconds.metric(statistic="max"),
        at_least=60,  # twice the longest pause of a relay that fails
        for_minutes=2,
        pages=True,
    )
    yield AlarmRule(
        name="outbox-set-aside",
        reason="The audit queue refuses a batch again and again: the audit trail lacks it",
        metric=monitored.business.outbox_set_aside.metric(statistic="max"),
        at_least=1,
    )
    yield AlarmRule(
        name="audit-altered",
        reason="A batch came again with other contents than its object in the audit trail has",
        metric=monitored.business.altered.metric(statistic="max"),
        at_least=1,
    )
    yield AlarmRule(
        name="breaker-open",
        reason="The queue processor cannot reach the database: queued transactions wait",
        metric=monitored.business.breaker_open.metric(statistic="max"),
        at_least=1,
        for_minutes=2,  # longer than a failover
        pages=True,  # instead of queue-age: a message that is sent again is young again
    )
    yield AlarmRule(
        name="wrong-setup",
        reason="The database lacks a right or an object of the queue processor: transactions wait",
        metric=monitored.business.wrong_setup.metric(statistic="sum"),
        at_least=1,
        for_minutes=2,
        pages=True,  # also if it concerns one kind of transaction: then the breaker stays closed
    )
    yield AlarmRule(
        name="audit-breaker-open",
        reason="The audit writer cannot store batches in S3: the audit trail waits",
        metric=monitored.business.audit_breaker_open.metric(statistic="max"),
        at_least=1,
        for_minutes=2,
        pages=True,
    )
    yield AlarmRule(
        name="outcomes-not-sent",
        reason="The event bus does not take outcomes: senders learn them late",
        metric=monitored.business.outcomes_not_sent.metric(statistic="sum"),
        at_least=1,
        # A message whose outcome waits comes again within a quarter of an hour.
        within_minutes=20,
    )
    yield AlarmRule(
        name="outcome-dead-letters",
        reason="The event bus could not encrypt or decrypt outcomes: no subscriber got them",
        runbook="outcomes-not-sent",
        metric=monitored.outcomes.dead_letters.metric_approximate_number_of_messages_visible(
            statistic="max"
        ),
        at_least=1,
    )


def _queues(monitored: MonitoredResources) -> Iterator[AlarmRule]:
    for queue in monitored.queues:
        yield AlarmRule(
            name=f"{queue.name}-queue-age",
            reason="A message has waited for five minutes: more arrive than are handled",
            runbook="queue-age",
            metric=queue.queue.metric_approximate_age_of_oldest_message(statistic="max"),
            at_least=300,
            pages=True,
        )
        yield AlarmRule(
            name=f"{queue.name}-dead-letters",
            reason="A message could not be handled: a person must look at it",
            runbook="dead-letters",
            metric=queue.dead_letters.metric_approximate_number_of_messages_visible(
                statistic="max"
            ),
            at_least=1,
        )


def _audit_trail(monitored: MonitoredResources) -> Iterator[AlarmRule]:
    yield AlarmRule(
        name="audit-discrepancies",
        reason="The audit trail and the ledger differ: a record is missing, double or altered",
        metric=monitored.trail.discrepancies.metric(statistic="max"),
        at_least=1,
        # Two verifications see it, an hour apart. The alarm stays until somebody is at work.
        within_minutes=12 * 60,
    )
    yield AlarmRule(
        name="audit-not-verified",
        reason="No verification of the audit trail has finished for three hours",
        runbook="audit-discrepancies",
        metric=monitored.trail.finished(),
        less_than=1,
        within_minutes=60,
        for_minutes=3 * 60,
    )
