"""Business metrics. They have no dimensions: each value of one would be a charged metric."""

from typing import Final

from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.monitoring.log_metrics import LogMetric
from infra.naming import EnvironmentSuffix, pascal_case

OUTCOMES: Final = ("posted", "replayed", "conflict", "refused")


class BusinessMetrics(Construct):
    """Fields of log lines: the service writes one every half minute, the processor one per batch.

    `outcomes` counts transactions by result, over HTTP and from the queue. `outbox_*` is what was
    acknowledged and not yet sent to the audit queue; `outbox_set_aside` counts the batches that
    the queue has refused again and again. `altered` is 1 if the audit writer found something else
    in the place of a batch. `breaker_open` is 1 if a batch of the queue
    found the circuit breaker open, and 0 if a batch closed it; `audit_breaker_open` is that of the
    audit queue. `wrong_setup` counts the batches to which the database refused a right, or for
    which it lacks an object. `outcomes_not_sent` counts outcomes that the event bus did not take:
    they are sent later. `logins_refused` counts logins with
    a wrong credential, and those that the limit of failures refused.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        service: logs.ILogGroup,
        processor: logs.ILogGroup,
        writer: logs.ILogGroup,
    ) -> None:
        super().__init__(scope, construct_id)

        def metric(field: str, **sources: logs.ILogGroup) -> LogMetric:
            return LogMetric(self, pascal_case(field), suffix=suffix, sources=sources, field=field)

        self.outcomes = {
            outcome: metric(f"transactions_{outcome}", service=service, processor=processor)
            for outcome in OUTCOMES
        }
        self.posting_ms_mean = metric("posting_ms_mean", service=service)
        self.posting_ms_max = metric("posting_ms_max", service=service)
        self.outbox_batches = metric("outbox_batches", service=service)
        self.outbox_oldest_seconds = metric("outbox_oldest_seconds", service=service)
        self.outbox_set_aside = metric("outbox_set_aside", service=service)
        self.logins_refused = metric("logins_refused", service=service)
        self.breaker_open = metric("breaker_open", processor=processor)
        self.wrong_setup = metric("wrong_setup", processor=processor)
        self.audit_breaker_open = LogMetric(
            self,
            "AuditBreakerOpen",
            suffix=suffix,
            sources={"writer": writer},
            field="breaker_open",
            name="audit_breaker_open",
        )
        self.outcomes_not_sent = metric("outcomes_not_sent", processor=processor)
        self.altered = metric("altered", writer=writer)
