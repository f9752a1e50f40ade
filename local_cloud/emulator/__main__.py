"""The server process of a local cloud: MiniStack, databases, load balancers, tasks and runs.

`local_cloud.server` starts it in the background; SIGTERM ends it and everything that it started.
"""

import argparse
import asyncio
import functools
import logging
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from local_cloud.addresses import LoopbackAddresses
from local_cloud.aws import ACCOUNT, REGION, AwsClients, environment
from local_cloud.certificates import LocalAuthority
from local_cloud.database_clock import DatabaseClock
from local_cloud.emulator import (
    application_autoscaling_api,
    codeconnections_api,
    codepipeline_api,
    ecs_tasks_api,
    service_quotas_api,
)
from local_cloud.emulator.application_autoscaling_api import ApplicationAutoScalingApi
from local_cloud.emulator.away import AwayServices
from local_cloud.emulator.builds import BuildService
from local_cloud.emulator.database_clusters import DatabaseClusters
from local_cloud.emulator.ecs_tasks_api import EcsTasksApi
from local_cloud.emulator.edge import Edge
from local_cloud.emulator.experiments import Experiments
from local_cloud.emulator.fis_api import FisApi
from local_cloud.emulator.github_api import GitHubApi
from local_cloud.emulator.load_balancers import LoadBalancers
from local_cloud.emulator.ministack_adapter import application
from local_cloud.emulator.ministack_adapter.builds import (
    execute_builds,
    integrate_builds_with_step_functions,
)
from local_cloud.emulator.ministack_adapter.cluster_stops import let_clusters_stop
from local_cloud.emulator.ministack_adapter.corrections import (
    correct_function_logs,
    correct_image_lookup,
    correct_roles_with_a_path,
)
from local_cloud.emulator.ministack_adapter.event_batches import give_whole_batches
from local_cloud.emulator.ministack_adapter.events import publish
from local_cloud.emulator.ministack_adapter.log_patterns import correct_log_patterns
from local_cloud.emulator.ministack_adapter.queue_ages import publish_queue_ages
from local_cloud.emulator.ministack_adapter.records import follow_certificates
from local_cloud.emulator.object_creation import ObjectCreation
from local_cloud.emulator.pipeline_runs import PipelineRuns
from local_cloud.emulator.resource_types import add_resource_types
from local_cloud.emulator.resumption import Resumption
from local_cloud.emulator.services import Services
from local_cloud.emulator.state_keeper import StateKeeper
from local_cloud.git_host import GITHUB_PATH
from local_cloud.outages import Outages
from local_cloud.paths import NODE_MODULES, ROOT, CloudPaths
from local_cloud.pipeline.context import RunContext
from local_cloud.toolchain import tool_environment
from local_cloud.zones import Zones

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework

_HOST = "127.0.0.1"
# Operations take minutes on AWS and seconds here, so the waits of state machines are shorter, too.
_WAIT_SCALE = "0.05"


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
    """MiniStack reads the environment when it is imported, and passes it to Lambda functions."""
    own = state / "cloud" / "ministack"
    own.mkdir(parents=True, exist_ok=True)
    own.chmod(0o700)  # it holds the code of functions, and records with secrets
    os.environ.update(
        environment(f"http://{_HOST}:{port}"),
        GATEWAY_PORT=str(port),
        MINISTACK_HOST=_HOST,
        MINISTACK_ACCOUNT_ID=ACCOUNT,
        MINISTACK_REGION=REGION,
        BIND_HOST=_HOST,
        STATE_DIR=str(own),
        S3_DATA_DIR=str(state / "cloud" / "s3"),
        S3_PERSIST="1",
        TMPDIR=str(state / "cloud" / "tmp"),
        SFTP_ENABLED="0",
        IOT_MTLS_ENABLED="0",
        DOCKER_HOST=f"unix://{state}/no-docker.sock",
        NODE_PATH=str(NODE_MODULES),
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        LOG_LEVEL="WARNING",
        # By default a number that depends on this machine: the hub counts with it (B11).
        LAMBDA_ACCOUNT_CONCURRENCY="1000",
        SFN_WAIT_SCALE=os.environ.get("SFN_WAIT_SCALE", _WAIT_SCALE),
    )
    CloudPaths(state).temporary.mkdir(parents=True, exist_ok=True)


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
        clock=DatabaseClock(paths.database_clock),
    )
    caddy = shutil.which("caddy")
    if caddy is None:
        raise SystemExit("caddy is not on PATH: run `make setup`")
    state = StateKeeper(paths.saved)
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
    context = RunContext(
        state_dir=paths.state,
        endpoint_url=aws.endpoint_url,
        toolchain_root=ROOT,
        build_environment=tool_environment(paths, aws.endpoint_url),
    )
    end_builds = execute_builds(BuildService(context).execute)
    integrate_builds_with_step_functions()
    runs = PipelineRuns(
        paths=paths,
        endpoint_url=aws.endpoint_url,
        publish=functools.partial(publish, source="aws.codepipeline"),
    )
    correct_image_lookup()
    correct_function_logs()
    correct_log_patterns()
    outages = Outages(paths.outages)
    resumption = Resumption(
        databases=databases, load_balancers=load_balancers, services=services, paths=paths
    )
    # Before the environments serve again, a function would only fail.
    give_whole_batches(is_away=lambda: not resumption.is_done or "sqs" in outages.away())
    publish_queue_ages()
    follow_certificates(load_balancers.refresh)
    correct_roles_with_a_path()
    add_resource_types(
        paths=paths,
        aws=aws,
        runs=runs,
        databases=databases,
        load_balancers=load_balancers,
        services=services,
    )

    let_clusters_stop(stop=databases.stop_cluster, start=databases.start_cluster)

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
        await asyncio.to_thread(resumption.join)
        await asyncio.to_thread(runs.close)
        await asyncio.to_thread(end_builds)
        # While the API still answers: a task that stops deregisters its target through it.
        await asyncio.to_thread(services.stop)
        await asyncio.to_thread(load_balancers.stop)
        await asyncio.to_thread(databases.stop)
        await asyncio.to_thread(state.stop)

    tasks = EcsTasksApi(paths.services, aws=aws)
    edge = Edge(
        inner=AwayServices(inner=ObjectCreation(inner=state.watch(application())), outages=outages),
        apis={
            codepipeline_api.TARGET: codepipeline_api.CodePipelineApi(
                state_dir=paths.state, runs=runs
            ).call,
            application_autoscaling_api.TARGET: ApplicationAutoScalingApi(paths.recorded).call,
            service_quotas_api.TARGET: service_quotas_api.ServiceQuotasApi(paths.quotas).call,
            codeconnections_api.TARGET: codeconnections_api.call,
            ecs_tasks_api.TARGETS[0]: tasks.list_tasks,
            ecs_tasks_api.TARGETS[1]: tasks.describe_tasks,
        },
        github=GitHubApi(
            git_root=paths.git, state_dir=paths.state, base_url=f"{aws.endpoint_url}{GITHUB_PATH}"
        ),
        runs=runs,
        resumption=resumption,
        fis=FisApi(paths.experiment_templates, Experiments(paths, aws)),
    )
    state.start()
    resumption.start()
    await serve(cast("ASGIFramework", edge), config, shutdown_trigger=until_stopped)


if __name__ == "__main__":
    main()
