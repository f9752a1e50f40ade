"""Batches that the audit queue has refused too often: a person asks for another attempt."""

from collections.abc import Callable

from pg8000.native import Connection

from lambda_src.schema_migrator.settings import RETRIED
from lambda_src.shared.database import close_quietly


def retry_batches(connect: Callable[[], Connection]) -> dict[str, int]:
    """Make all of them due at once. Returns their number."""
    connection = connect()
    try:
        [[count]] = connection.run("SELECT ledger.retry_batches()")
    finally:
        close_quietly(connection)
    return {RETRIED: count}
