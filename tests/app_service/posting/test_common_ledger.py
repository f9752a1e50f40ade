"""What a test changes in the structure of the common ledger does not reach the next test."""

import asyncpg

from tests.app_service.conftest import CommonLedger


async def test_a_ledger_is_used_again_unless_its_structure_was_changed(
    common_ledger: CommonLedger,
) -> None:
    first = await common_ledger.emptied()
    assert await common_ledger.emptied() == first

    connection = await asyncpg.connect(first.dsn)
    await connection.execute("ALTER TABLE ledger.outbox DISABLE TRIGGER sent_as_written")
    await connection.close()

    assert await common_ledger.emptied() != first
