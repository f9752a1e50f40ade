"""A ledger that is used by several sessions, which are killed, on a server that is killed too."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any, ClassVar

import asyncpg
import psutil
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from local_cloud.postgres import PostgresServer
from tests.app_service.posting.model.documents import Sent
from tests.app_service.posting.model.explanations import Answered, accept_if_explained
from tests.app_service.posting.model.races import post_repeatedly
from tests.app_service.posting.model.scripts import Again, New, Writer, accounts, funds, step_of
from tests.app_service.posting.model.soundness import assert_sound
from tests.app_service.posting.model.world import World

SESSIONS = 3
# One call per session. Calls of the same round name each other's ids and targets.
CALLS = st.lists(
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5),
    min_size=SESSIONS,
    max_size=SESSIONS,
)
# In seconds after the start of the calls; None: while they wait for a lock, or are answered.
MOMENT = st.none() | st.sampled_from([0.0, 0.001, 0.002, 0.004])
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    OSError,
)


class LedgerMachine(RuleBasedStateMachine):
    """What was acknowledged is never lost or doubled, and every answer can be explained.

    `play` runs the machine's coroutines; the sessions are those of a superuser.
    """

    server: ClassVar[PostgresServer]
    dsn: ClassVar[str]
    runner: ClassVar[asyncio.Runner]

    def __init__(self) -> None:
        super().__init__()
        self._sessions: list[Any] = []
        self.runner.run(self._begin())

    async def _begin(self) -> None:
        await self._connect()
        self._world = await World.open(self._admin, accounts())
        self._writer = Writer(self._world)
        await self._world.post(self._admin, funds(self._world))

    async def _connect(self) -> None:
        for session in self._sessions:
            session.terminate()
        self._sessions = [await asyncpg.connect(self.dsn) for _ in range(SESSIONS)]
        self._admin = await asyncpg.connect(self.dsn)

    def teardown(self) -> None:
        self.runner.run(self._end())

    async def _end(self) -> None:
        await assert_sound(self._admin, nothing_was_sent=True)
        for session in [*self._sessions, self._admin]:
            session.terminate()

    # -- what happens -------------------------------------------------------------------------

    @rule(calls=CALLS)
    def calls_at_once(self, calls: list[list[int]]) -> None:
        self.runner.run(self._round(calls))

    @rule(calls=CALLS, victim=st.integers(0, SESSIONS - 1), moment=MOMENT)
    def a_session_is_killed(
        self, calls: list[list[int]], victim: int, moment: float | None
    ) -> None:
        async def kill() -> None:
            pid = self._sessions[victim].get_server_pid()
            await self._admin.execute("SELECT pg_terminate_backend($1)", pid)

        self.runner.run(self._round(calls, kill, moment))

    @rule(calls=CALLS, moment=MOMENT)
    def the_server_is_killed(self, calls: list[list[int]], moment: float | None) -> None:
        async def kill() -> None:
            _kill_all(self.server)

        self.runner.run(self._round(calls, kill, moment))

    @rule(call=st.integers(1, 5))
    def an_old_call_comes_again(self, call: int) -> None:
        for old in self._writer.calls[-call:][:1]:
            self.runner.run(self._world.post(self._admin, old))

    @rule(seconds=st.sampled_from([1, 10, 100]))
    def time_passes(self, seconds: int) -> None:
        self.runner.run(self._world.advance(self._admin, seconds))

    @rule(account=st.sampled_from([2, 3, 5]), state=st.sampled_from(["frozen", "open"]))
    def an_account_is_frozen_or_opened(self, account: int, state: str) -> None:
        number = self._world.account(account)
        self.runner.run(self._world.change_state(self._admin, number, state))

    # -- one round ----------------------------------------------------------------------------

    async def _round(
        self, seeds: list[list[int]], kill: Any = None, moment: float | None = None
    ) -> None:
        calls = [self._call(of_session) for of_session in seeds]
        blocker = None
        if kill is not None and moment is None:
            blocker = await self._lock_an_account()
        attempts = [
            asyncio.create_task(_post(session, call))
            for session, call in zip(self._sessions, calls, strict=True)
        ]
        if kill is not None:
            await asyncio.sleep(moment or 0.02)
            await kill()
        if blocker is not None:
            blocker.terminate()
        await asyncio.wait(attempts)
        if not self.server.is_alive:
            self.server.start()
        first = [attempt.result() for attempt in attempts]
        if kill is not None:
            await self._connect()
        answered = []
        for session, call, verdicts in zip(self._sessions, calls, first, strict=True):
            again = await post_repeatedly(session, call) if verdicts is None else verdicts
            answered.append(Answered(call=call, verdicts=again, lost_an_answer=verdicts is None))
        await accept_if_explained(self._world, self._admin, answered)

    def _call(self, seeds: Sequence[int]) -> list[Sent]:
        for step in map(step_of, seeds):
            if isinstance(step, New | Again):
                self._writer.say(step)
        return self._writer.call()

    async def _lock_an_account(self) -> Any:
        """Calls that use account 1 wait until the session ends."""
        session = await asyncpg.connect(self.dsn)
        await session.execute("BEGIN")
        number = self._world.account(1)
        await session.execute(f"SELECT FROM ledger.accounts WHERE account_id = {number} FOR UPDATE")
        return session


def _kill_all(server: PostgresServer) -> None:
    """As `fence`, but does not wait until somebody collects the dead: they hold nothing."""
    assert server.process is not None
    postmaster = psutil.Process(server.process.pid)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    server.process.wait()
    while any(_runs(process) for process in processes):
        time.sleep(0.005)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def _post(session: Any, call: Sequence[Sent]) -> list[str] | None:
    """None: the session ended before the answer."""
    try:
        return await post_repeatedly(session, call)
    except _LOST:
        return None
