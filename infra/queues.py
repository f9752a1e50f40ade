"""The two queues, each with a dead-letter queue of its own."""

from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.naming import EnvironmentSuffix

# With the processor's backoff (5 s doubling to 15 min, full jitter) this outlasts a failover.
RECEIVES_MAX: Final = 10


@dataclass(frozen=True, kw_only=True)
class QueueNames:
    """What outsiders find the two by, before the suffix."""

    queue: str
    dead_letters: str


TRANSACTIONS: Final = QueueNames(queue="transaction-queue", dead_letters="transaction-dead-letters")
AUDIT: Final = QueueNames(queue="audit-queue", dead_letters="audit-dead-letters")


class QueueWithDeadLetters(Construct):
    """Messages for one function; what keeps failing moves to `dead_letters`.

    Encrypted with the environment's key. Grant on `queue` and `dead_letters`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        names: QueueNames,
        handler_timeout_seconds: int,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)

        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=suffix.physical_name(names.dead_letters),
            retention_period=Duration.days(14),
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=suffix.physical_name(names.queue),
            retention_period=Duration.days(14),
            # AWS asks for six handler timeouts: a throttled batch is retried before it reappears.
            visibility_timeout=Duration.seconds(6 * handler_timeout_seconds),
            receive_message_wait_time=Duration.seconds(20),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=RECEIVES_MAX
            ),
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
