"""Everything of one soak: it starts in seconds, and stops only what it started."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from local_cloud.aws import AwsClients
from soak.aws_resources import AUDIT_QUEUE, TRANSACTION_QUEUE, Emulator, emulator, queue_url
from soak.database import LedgerDatabase, ledger_database
from soak.draining import in_queue, waiting_in_ledger
from soak.functions import Sources
from soak.http_proxy import HttpProxy
from soak.outside_log import OutsideLog
from soak.plan import CONNECTION, RARE_CONNECTION, FaultMix, Faults
from soak.proxies import ProxyLoop, proxy_loop
from soak.sabotage import Sabotage
from soak.service import Wiring, running_service
from soak.tcp_proxy import TcpProxy


@dataclass(frozen=True, kw_only=True)
class System:
    database: LedgerDatabase
    emulator: Emulator
    aws: AwsClients  # through the proxy
    wiring: Wiring
    api_port: int  # of the proxy in front of the API

    def queue_url(self, name: str) -> str:
        return queue_url(name, port=self.emulator.port)

    def waiting(self) -> list[str]:
        """What is on its way, from the first place to the last one."""
        found = []
        for queue in (TRANSACTION_QUEUE, AUDIT_QUEUE):
            if counts := in_queue(self.emulator.aws.sqs, self.queue_url(queue.name)):
                where = ", ".join(f"{count} {place}" for place, count in counts.items())
                found.append(f"messages in {queue.name}: {where}")
        with self.database.connection() as connection:
            return found + waiting_in_ledger(connection)


@contextmanager
def running_system(
    folder: Path, *, seed: int, faults: Faults, sabotage: Sabotage, log: OutsideLog
) -> Iterator[System]:
    """The service and both functions run and handle what comes; no fault yet."""
    with ExitStack() as stack:
        proxies = stack.enter_context(proxy_loop())
        with ThreadPoolExecutor(1) as side:
            emulating = side.submit(stack.enter_context, emulator(folder / "emulator"))
            with ExitStack() as own:
                database = own.enter_context(ledger_database(folder / "database"))
                running = emulating.result()
                stack.push(own.pop_all())
        wiring = _wiring(proxies, running, database, faults, sabotage)
        service_port = stack.enter_context(running_service(wiring, folder))
        system = System(
            database=database,
            emulator=running,
            aws=AwsClients(f"http://127.0.0.1:{wiring.aws_port}"),
            wiring=wiring,
            api_port=proxies.port_of(
                TcpProxy(kind="API", upstream_port=service_port, faults=faults)
            ),
        )
        sources = Sources(
            wiring=wiring,
            emulator=running,
            aws=system.aws,
            faults=faults,
            seed=seed,
            folder=folder,
            withhold=sabotage.withhold,
            on_failure=log.unexpected,
        )
        stack.enter_context(running_threads(*(source.run for source in sources.all())))
        yield system


@contextmanager
def running_threads(*works: Callable[[threading.Event], None]) -> Iterator[None]:
    """Each in a thread of its own, until the end of the block; then wait for them.

    Raises the first error of a thread.
    """
    stopped = threading.Event()
    with ThreadPoolExecutor(max(1, len(works))) as pool:
        running = [pool.submit(work, stopped) for work in works]
        try:
            yield
        finally:
            stopped.set()
        for each in running:
            each.result()


def _wiring(
    proxies: ProxyLoop,
    running: Emulator,
    database: LedgerDatabase,
    faults: Faults,
    sabotage: Sabotage,
) -> Wiring:
    def to_database(client: str, mix: FaultMix) -> int:
        kind, port = f"PostgreSQL for the {client}", database.postgres.port
        return proxies.port_of(TcpProxy(kind=kind, upstream_port=port, faults=faults, mix=mix))

    return Wiring(
        aws_port=proxies.port_of(
            HttpProxy(upstream_port=running.port, faults=faults, intercept=sabotage.intercept)
        ),
        service_database_port=to_database("service", CONNECTION),
        processor_database_port=to_database("processor", RARE_CONNECTION),
        ca_file=database.ca_file,
    )
