"""What the measurements use: ledgers on one server, and a service on each of two of them.

Each service has a ledger of its own, so that no relay works for another measurement, and so has
pgbench, which posts without any.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench.ledger.pgbench import CallsFailed, run_pgbench
from bench.ledger.samples import Sample
from bench.ledger.server import (
    ACCOUNTS,
    SERVICE_LOGIN,
    DatabaseServer,
    Ledger,
    LedgerBroken,
    database_server,
)
from bench.ledger.service import Service, running_service
from bench.ledger.wrk import Answers, Load, run_wrk

_MICROSECONDS = 1_000_000
_WARM_UP_SECONDS = 3


@dataclass(kw_only=True)
class Target:
    """A service under load, and how many transactions it has acknowledged."""

    service: Service
    ledger: Ledger
    token: str
    acknowledged: int = 0
    unanswered_max: int = 0  # requests that ran when a load ended: posted or not

    def load(self, load: Load, *, seconds: int) -> Sample:
        """Raises AnswersFailed if an answer was not 2xx."""
        service, postgres = self.service, self.ledger.server
        before = service.processor_seconds(), postgres.processor_seconds()
        answers = run_wrk(service.url, token=self.token, load=load, seconds=seconds)
        after = service.processor_seconds(), postgres.processor_seconds()
        self._count(answers, load)
        self.ledger.wait_until_quiet()
        posted = answers.requests * load.transactions
        each = _MICROSECONDS / posted
        return Sample(
            per_second=answers.per_second * load.transactions,
            p50_ms=answers.p50_ms,
            p99_ms=answers.p99_ms,
            service_us=(after[0] - before[0]) * each,
            postgres_us=(after[1] - before[1]) * each,
            generator_us=answers.generator_seconds * each,
        )

    def check(self) -> None:
        """Raises LedgerBroken unless exactly what was acknowledged is posted, and no money more."""
        posted = self.ledger.posted()
        most = self.acknowledged + self.unanswered_max
        if not self.acknowledged <= posted <= most:
            raise LedgerBroken(
                f"{self.ledger.name} holds {posted} transactions; {self.acknowledged} were"
                f" acknowledged, and the ends of loads cut off at most {self.unanswered_max}"
            )
        self.ledger.check()

    def _count(self, answers: Answers, load: Load) -> None:
        self.acknowledged += answers.requests * load.transactions
        self.unanswered_max += load.connections * load.transactions


@dataclass(kw_only=True)
class Caller:
    """pgbench, which calls the posting function of a ledger that no service uses."""

    ledger: Ledger
    posted: int = 0

    def load(self, script: str, *, clients: int, transactions: int, seconds: int) -> Sample:
        """Raises CallsFailed. `transactions`: in each call."""
        server = self.ledger.server
        calls = run_pgbench(
            server,
            database=self.ledger.name,
            login=SERVICE_LOGIN,
            script=script,
            clients=clients,
            seconds=seconds,
        )
        if calls.failed:
            raise CallsFailed(f"{calls.failed} calls of the posting function failed")
        self.posted += calls.calls * transactions
        return Sample(
            per_second=calls.per_second * transactions,
            postgres_us=calls.postgres_us / transactions,
            generator_us=calls.generator_us / transactions,
        )

    def check(self) -> None:
        found = self.ledger.posted()
        if found != self.posted:
            raise LedgerBroken(f"pgbench posted {self.posted}, {self.ledger.name} holds {found}")
        self.ledger.check()


@dataclass(frozen=True, kw_only=True)
class Bed:
    server: DatabaseServer
    caller: Caller
    service: Target
    plain: Target  # without TLS to its clients
    spare: Ledger  # for measurements that start programs of their own
    accounts: int
    seconds: int  # of each load

    def warm_up(self) -> None:
        """A service plans its statements at the first postings."""
        for each in (self.service, self.plain):
            each.load(Load(accounts=self.accounts), seconds=_WARM_UP_SECONDS)

    def check(self) -> None:
        for each in (self.caller, self.service, self.plain):
            each.check()


@contextmanager
def measuring_bed(*, seconds: int, accounts: int = ACCOUNTS) -> Iterator[Bed]:
    with ExitStack() as stack:
        server = stack.enter_context(database_server())
        first = server.new_ledger("calls", accounts=accounts)
        ledgers = first.copy("service"), first.copy("plain")
        spare = first.copy("spare")
        services = [
            stack.enter_context(running_service(ledger, tls=tls))
            for ledger, tls in zip(ledgers, (True, False), strict=True)
        ]
        service, plain = (
            Target(service=each, ledger=ledger, token=each.token())
            for each, ledger in zip(services, ledgers, strict=True)
        )
        yield Bed(
            server=server,
            caller=Caller(ledger=first),
            service=service,
            plain=plain,
            spare=spare,
            accounts=accounts,
            seconds=seconds,
        )
