"""Batches and transactions that the audit trail lacks: a person asks for them to be sent again."""

from collections.abc import Callable, Sequence

from pg8000.native import Connection

from lambda_src.shared.database import close_quietly


def send_again(
    connect: Callable[[], Connection], *, batch_ids: Sequence[str], transaction_ids: Sequence[str]
) -> dict[str, int]:
    """Put sent batches back among those that wait, and transactions into the outbox.

    Safe to repeat. Returns how many of each were put there.
    """
    connection = connect()
    try:
        [[batches, transactions]] = connection.run(
            "SELECT batches, transactions FROM ledger.send_again("
            "CAST(:batch_ids AS uuid[]), CAST(:transaction_ids AS uuid[]))",
            batch_ids=[*batch_ids],
            transaction_ids=[*transaction_ids],
        )
    finally:
        close_quietly(connection)
    return {"batches": batches, "transactions": transactions}
