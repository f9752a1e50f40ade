"""The local cloud's server process: MiniStack with databases, load balancers and tasks beside it.

Started in the background by `local_cloud.server`; SIGTERM ends it and everything it started.
"""

import argparse
import asyncio
import logging
import os
import shutil
import signal
import sys
from pathlib import Path

from local_cloud.addresses import LoopbackAddresses
from local_cloud.aws import ACCOUNT, REGION, AwsClients, environment
from local_cloud.certificates import LocalAuthority
from local_cloud.emulator.buckets import bucket_followers
from local_cloud.emulator.database_clusters import DatabaseClusters
from local_cloud.emulator.load_balancers import LoadBalancers
from local_cloud.emulator.ministack_adapter import (
    Follower,
    application,
    correct_image_lookup,
    correct_secrets,
    end_function_workers,
    follow,
    record_computing_alarms,
    register,
)
from local_cloud.emulator.pipelines import pipeline_type
from local_cloud.emulator.recorded_types import recorded_alarms, recorded_types
from local_cloud.emulator.services import Services
from local_cloud.paths import NODE_MODULES, CloudPaths
from local_cloud.zones import Zones

_HOST = "127.0.0.1"


def main() -> None:
    parser = argparse.ArgumentParser(prog="local_cloud.emulator", description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-port", type=int, required=True)
    parser.add_argument("--listener", type=int, required=True, help="descriptor of a bound socket")
    arguments = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    _configure_ministack(arguments.state, arguments.port)
    asyncio.run(_serve(CloudPaths(arguments.state), arguments))


def _configure_ministack(state: Path, port: int) -> None:
    """MiniStack reads the environment when it is imported, and gives it on to Lambda functions."""
    os.environ.update(
        environment(f"http://{_HOST}:{port}"),
        GATEWAY_PORT=str(port),
        MINISTACK_HOST=_HOST,
        MINISTACK_ACCOUNT_ID=ACCOUNT,
        MINISTACK_REGION=REGION,
        BIND_HOST=_HOST,
        STATE_DIR=str(state / "cloud" / "ministack"),
        S3_DATA_DIR=str(state / "cloud" / "s3"),
        TMPDIR=str(state / "cloud" / "tmp"),
        SFTP_ENABLED="0",
        IOT_MTLS_ENABLED="0",
        DOCKER_HOST=f"unix://{state}/no-docker.sock",
        NODE_PATH=str(NODE_MODULES),
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        LOG_LEVEL="WARNING",
    )
    (state / "cloud" / "tmp").mkdir(parents=True, exist_ok=True)


async def _serve(paths: CloudPaths, arguments: argparse.Namespace) -> None:
    from hypercorn.asyncio import serve  # noqa: PLC0415 - after MiniStack's settings are in place
    from hypercorn.config import Config  # noqa: PLC0415

    aws = AwsClients(f"http://{_HOST}:{arguments.port}")
    addresses = LoopbackAddresses(paths.addresses)
    zones = Zones(paths.lost_zones)
    databases = DatabaseClusters(
        folder=paths.databases,
        addresses=addresses,
        authority=LocalAuthority(paths.database_authority),
        zones=zones,
    )
    caddy = shutil.which("caddy")
    if caddy is None:
        raise SystemExit("caddy is not on PATH: run `make setup`")
    load_balancers = LoadBalancers(
        folder=paths.load_balancers,
        caddy=Path(caddy),
        addresses=addresses,
        aws=aws,
        listener_port=arguments.api_port,
    )
    services = Services(
        folder=paths.services,
        state_dir=paths.state,
        addresses=addresses,
        aws=aws,
        load_balancers=load_balancers,
        zones=zones,
    )
    correct_secrets()
    correct_image_lookup()
    record_computing_alarms(recorded_alarms(paths.recorded))
    register({**recorded_types(paths.recorded), **pipeline_type(paths.pipelines)})
    follow(
        {
            **bucket_followers(aws),
            "AWS::Lambda::Function": Follower(deleting=lambda name, _: end_function_workers(name)),
            **databases.followers(),
            **load_balancers.followers(),
            **services.followers(),
        }
    )

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [f"fd://{arguments.listener}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = "WARNING"

    async def until_stopped() -> None:
        await stop.wait()
        # While the API still answers: stopping tasks deregister their targets through it.
        await asyncio.to_thread(services.stop)
        await asyncio.to_thread(load_balancers.stop)
        await asyncio.to_thread(databases.stop)

    await serve(application(), config, shutdown_trigger=until_stopped)


if __name__ == "__main__":
    main()
