"""What is in the outbox, sealed and sent."""

from typing import Any

import asyncpg

from app_service.database.database import Pool


async def unsent(pool: Pool) -> list[asyncpg.Record]:
    return await pool.fetch("SELECT * FROM ledger.unsent_batches ORDER BY sealed_at")


async def sent(pool: Pool) -> list[asyncpg.Record]:
    return await pool.fetch("SELECT * FROM ledger.sent_batches ORDER BY sent_at")


async def rows(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM ledger.outbox_v2"))


async def pass_time(pool: Pool, interval: str) -> None:
    """Leases and pauses of this length are over."""
    await pool.execute(f"UPDATE ledger.unsent_batches SET due_at = due_at - interval '{interval}'")


def amounts(message: dict[str, Any]) -> list[int]:
    return [t["amount_minor"] for t in message["transactions"]]
