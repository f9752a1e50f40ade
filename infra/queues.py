"""The two queues, each with its own dead-letter queue."""

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.encryption import allow_use_through
from infra.naming import EnvironmentSuffix
from infra.queue_names import QueueNames

# With the processor's backoff (5 s doubling to 15 min, full jitter) longer than a failover.
RECEIVES_MAX: Final = 10
RETENTION: Final = Duration.days(14)  # the maximum of SQS


class QueueWithDeadLetters(Construct):
    """Messages for one function; a message that keeps failing moves to `dead_letters`.

    Encrypted with the environment's key. Grant access with the `grant_*` methods.
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
        self.name = names.kind
        self._key = key

        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=suffix.physical_name(names.dead_letters),
            retention_period=RETENTION,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=suffix.physical_name(names.queue),
            retention_period=RETENTION,
            # AWS recommends six handler timeouts, so that a throttled batch is retried in time.
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

    def grant_send(self, grantee: iam.IGrantable) -> None:
        """Allow sending to `queue` and reading its maximum message size."""
        self._grant(grantee, self.queue, "sqs:GetQueueAttributes", "sqs:SendMessage", writes=True)

    def grant_handle(self, grantee: iam.IGrantable) -> None:
        """Allow what an event source mapping does for its function, and delaying a retry."""
        self._grant(
            grantee,
            self.queue,
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
        )

    def grant_send_again(self, grantee: iam.IGrantable) -> None:
        """Allow sending a message to `queue` again, as a new one."""
        self._grant(grantee, self.queue, "sqs:SendMessage", writes=True)

    def grant_send_to_dead_letters(self, grantee: iam.IGrantable) -> None:
        """Allow sending to `dead_letters` and nothing else there."""
        self._grant(grantee, self.dead_letters, "sqs:SendMessage", writes=True)

    def _grant(
        self, grantee: iam.IGrantable, queue: sqs.IQueue, *actions: str, writes: bool = False
    ) -> None:
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=[*actions], resources=[queue.queue_arn])
        )
        allow_use_through(
            "sqs",
            grantee,
            self._key,
            actions=("kms:Decrypt", "kms:GenerateDataKey") if writes else ("kms:Decrypt",),
        )
