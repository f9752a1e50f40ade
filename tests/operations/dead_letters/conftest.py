from tests.operations.dead_letter_queues import no_waiting, queues, sqs

__all__ = ["no_waiting", "queues", "sqs"]
