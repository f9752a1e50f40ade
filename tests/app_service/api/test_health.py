"""Probes run at most once a second and have a timeout."""

import asyncio

from app_service.api.health import CACHED_SECONDS, Health


async def answers() -> None:
    pass


async def test_a_probe_that_hangs_counts_as_missing() -> None:
    async def hangs() -> None:
        await asyncio.sleep(60)

    health = Health({"database": answers, "sessions": hangs}, timeout_seconds=0.01)
    assert await health.neighbours() == {"database": True, "sessions": False}


async def test_many_requests_run_a_probe_once_a_second() -> None:
    asked = []

    async def probe() -> None:
        asked.append(1)
        await asyncio.sleep(0)

    now = [100.0]
    health = Health({"database": probe}, now=lambda: now[0])
    await asyncio.gather(*(health.neighbours() for _ in range(20)))
    assert len(asked) == 1
    now[0] += CACHED_SECONDS
    await health.neighbours()
    assert len(asked) == 2
