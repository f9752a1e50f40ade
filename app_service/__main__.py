"""Runs the service: the only place that reads the environment, opens pools and creates clients."""

import asyncio
import gc
import logging
import os
import ssl
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial

import boto3
import uvloop
from botocore.config import Config

from app_service.api.account_turns import AccountTurns
from app_service.api.health import PROBE_TIMEOUT_SECONDS, Health
from app_service.api.hot_route import HotRoute
from app_service.api.request_log import RequestLog
from app_service.api.services import Services
from app_service.application import make_app
from app_service.clients.client_table import ClientTable
from app_service.clients.clients import Clients, first_credential
from app_service.clients.failure_limit import failed_logins, unknown_tokens
from app_service.clients.logins import Logins
from app_service.clients.refused_logins import RefusedLogins
from app_service.clients.session_table import SessionTable
from app_service.clients.sessions import Sessions
from app_service.database.database import Database, Pool, close_pool, open_pool
from app_service.environment_variables import SettingsError
from app_service.http_server.limits import Limits
from app_service.http_server.server import Server, stopping_on_signal
from app_service.http_server.tls import server_context
from app_service.logs import configure_logging
from app_service.outbox.audit_queue import AuditQueue
from app_service.outbox.relay import OutboxRelay
from app_service.outbox.retention import Retention
from app_service.posting import accounts
from app_service.posting.hold_expiry import HoldExpiry
from app_service.posting.ledger import PostgresLedger
from app_service.settings import LIVE_PATH, ServiceSecrets, ServiceSettings
from app_service.totals import Reporter, Totals

POSTING_CALLS_MAX_IN_FLIGHT = 4  # and one connection that waits for locked accounts
READING_CONNECTIONS = 6  # requests that read, the relay, and the readiness probe
# Of these connections, for requests that may wait for locked accounts: of one account, of all.
ACCOUNT_TURNS = 1
ALL_ACCOUNT_TURNS = 3
THREADS = 8

# Few and short attempts: a request waits for them. Sessions are cached, batches stay.
_AWS = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=THREADS,
)

logger = logging.getLogger("app_service")


def main(environment: Mapping[str, str] = os.environ) -> None:
    """Serve until SIGTERM or SIGINT. Wrong settings: log one line that names them, exit with 2."""
    configure_logging()
    try:
        settings = ServiceSettings.from_env(environment)
        secrets = ServiceSecrets.from_env(environment)
        trust = verifying_context(settings.database_ca_file)
    except SettingsError as error:
        logger.critical("cannot start", extra={"reason": str(error)})
        sys.exit(2)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, secrets, trust, region=region_of(environment)))


def verifying_context(ca_file: str) -> ssl.SSLContext:
    """A client context that verifies host names, and certificates against this file's roots."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # no such file, or no certificates in it
        raise SettingsError(f"DATABASE_CA_FILE: no PEM certificates in {ca_file!r}") from error


def region_of(environment: Mapping[str, str]) -> str | None:
    """ECS sets AWS_REGION, which boto3 does not read."""
    return environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")


async def serve(
    settings: ServiceSettings,
    secrets: ServiceSecrets,
    trust: ssl.SSLContext,
    *,
    region: str | None,
) -> None:
    """Serve until a signal to stop. Then, in this order: accept no more connections, answer the
    running requests, let the relay send the rest, close the connections."""
    async with AsyncExitStack() as stack:

        async def pool(size: int) -> Pool:
            opened = await open_pool(
                hosts=(settings.database_writer_host, settings.database_reader_host),
                port=settings.database_port,
                database=settings.database_name,
                user=secrets.database_user,
                password=secrets.database_password,
                tls=trust,
                size=size,
            )
            stack.push_async_callback(close_pool, opened)
            return opened

        def threads(name: str) -> ThreadPoolExecutor:
            executor = ThreadPoolExecutor(THREADS, thread_name_prefix=name)
            stack.callback(executor.shutdown, wait=False, cancel_futures=True)
            return executor

        aws = boto3.session.Session(region_name=region)
        reading_pool = await pool(READING_CONNECTIONS)
        reading = Database(reading_pool)
        dynamodb, dynamodb_threads = aws.client("dynamodb", config=_AWS), threads("dynamodb")
        sessions = Sessions(
            table=SessionTable(
                dynamodb=dynamodb,
                table_name=settings.sessions_table_name,
                executor=dynamodb_threads,
            ),
            unknown=unknown_tokens(),
            ttl_seconds=settings.session_ttl_seconds,
        )
        clients = Clients(
            table=ClientTable(
                dynamodb=dynamodb,
                table_name=settings.api_clients_table_name,
                executor=dynamodb_threads,
            ),
            first=first_credential(
                client_id=secrets.api_client_id, secret=secrets.api_client_secret
            ),
        )
        audit_queue = AuditQueue(
            sqs=aws.client("sqs", config=_AWS),
            url=settings.audit_queue_url,
            executor=threads("relay"),
        )
        relay = OutboxRelay(database=reading, queue=audit_queue)
        retention = Retention(database=reading)
        expiry = HoldExpiry(database=reading)
        totals = Totals()
        reporter = Reporter(totals=totals, waiting=relay.waiting)
        ledger = PostgresLedger(
            writing=Database(await pool(POSTING_CALLS_MAX_IN_FLIGHT + 1)),
            reading=reading,
            max_in_flight=POSTING_CALLS_MAX_IN_FLIGHT,
            on_posted=relay.wake,
            on_answered=totals.answered,
        )
        services = Services(
            ledger=ledger,
            reading=reading,
            account_turns=AccountTurns(of_one=ACCOUNT_TURNS, of_all=ALL_ACCOUNT_TURNS),
            sessions=sessions,
            clients=clients,
            logins=Logins(
                clients=clients,
                failures=failed_logins(),
                refused=RefusedLogins(on_refused=totals.login_refused),
            ),
            health=Health(
                {
                    "database": partial(probe_database, reading),
                    "sessions": sessions.probe,
                    "clients": clients.probe,
                    "audit_queue": audit_queue.probe,
                }
            ),
            request_log=RequestLog(),
            version=settings.service_version,
            environment_suffix=settings.environment_suffix,
        )
        server = Server(
            make_app(services),
            direct_route=HotRoute(services),
            host=settings.bind_address,
            port=settings.port,
            context=server_context(settings.bind_address),
            health_path=LIVE_PATH,
            limits=Limits(),
        )
        loops = (expiry, relay, retention, reporter)
        background = [asyncio.create_task(each.run()) for each in loops]
        # A full collection would stop the service for 50 ms, for objects that live as long as it.
        gc.collect()
        gc.freeze()
        stack.callback(gc.unfreeze)
        with stopping_on_signal(server):
            logger.info("starting", extra={"version": settings.service_version})
            await server.serve()
        for each in loops:
            each.stop()
        await asyncio.gather(*background)
    logger.info("stopped")


async def probe_database(database: Database) -> None:
    deadline = asyncio.get_running_loop().time() + PROBE_TIMEOUT_SECONDS
    await database.run_once(accounts.probe, deadline=deadline)


if __name__ == "__main__":
    main()
