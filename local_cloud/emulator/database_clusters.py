"""AWS::RDS::DBCluster and DBInstance: a real PostgreSQL writer with a streaming standby.

The first instance of a cluster starts the writer, the second the standby; further ones are only
recorded. As in Aurora, losing the writer's last acknowledgement is not possible: the writer waits
for the standby's flush while there is one.
"""

import contextlib
import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pg8000.dbapi

from local_cloud.addresses import LoopbackAddresses
from local_cloud.certificates import LocalAuthority
from local_cloud.emulator import ministack_adapter as ministack
from local_cloud.emulator.ministack_adapter import Attributes, Follower, Properties
from local_cloud.postgres import PostgresServer

logger = logging.getLogger(__name__)

_WATCH_INTERVAL_SECONDS = 1.0


@dataclass(kw_only=True)
class _Cluster:
    folder: Path
    writer: PostgresServer
    standby: PostgresServer
    database: str
    instances: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def running(self) -> list[PostgresServer]:
        return [s for s in (self.writer, self.standby) if s.process is not None]


class DatabaseClusters:
    """All clusters of this cloud; a thread restarts a server that died."""

    def __init__(
        self, *, folder: Path, addresses: LoopbackAddresses, authority: LocalAuthority
    ) -> None:
        self._folder = folder
        self._addresses = addresses
        self._authority = authority
        self._clusters: dict[str, _Cluster] = {}
        self._stopped = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="databases", daemon=True)
        self._watcher.start()

    def followers(self) -> dict[str, Follower]:
        return {
            "AWS::RDS::DBCluster": Follower(
                created=self._create_cluster, deleting=self._delete_cluster
            ),
            "AWS::RDS::DBInstance": Follower(
                created=self._create_instance, deleting=self._delete_instance
            ),
        }

    def stop(self) -> None:
        """Stop every server; nothing acknowledged is lost."""
        self._stopped.set()
        self._watcher.join()
        for cluster in self._clusters.values():
            with cluster.lock:
                cluster.writer.stop()
                cluster.standby.stop()

    # -- CloudFormation -----------------------------------------------------------------------

    def _create_cluster(
        self, cluster_id: str, properties: Properties, attributes: Attributes
    ) -> None:
        port = int(attributes["Endpoint.Port"])
        hosts = [
            self._addresses.allocate(f"database/{cluster_id}/{role}", port=port)
            for role in ("writer", "reader")
        ]
        folder = self._folder / cluster_id
        if folder.exists():  # left by a cloud that was killed: its cluster is gone
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        password = str(properties["MasterUserPassword"])
        servers = [
            PostgresServer(
                data_dir=folder / role,
                address=host,
                port=port,
                password=password,
                superuser=str(properties.get("MasterUsername", "postgres")),
                certificate=self._authority.issue(name=f"{cluster_id}-{role}", addresses=[host]),
            )
            for role, host in zip(("writer", "reader"), hosts, strict=True)
        ]
        self._clusters[cluster_id] = _Cluster(
            folder=folder,
            writer=servers[0],
            standby=servers[1],
            database=str(properties.get("DatabaseName") or "postgres"),
        )
        attributes["Endpoint.Address"], attributes["ReadEndpoint.Address"] = hosts
        ministack.set_cluster_endpoints(cluster_id, writer=hosts[0], reader=hosts[1], port=port)

    def _delete_cluster(self, cluster_id: str, _: Properties) -> None:
        cluster = self._clusters.pop(cluster_id, None)
        if cluster is None:
            return
        with cluster.lock:
            cluster.standby.stop()
            cluster.writer.stop()
            shutil.rmtree(cluster.folder, ignore_errors=True)
        for role in ("writer", "reader"):
            self._addresses.release(f"database/{cluster_id}/{role}")

    def _create_instance(
        self, instance_id: str, properties: Properties, attributes: Attributes
    ) -> None:
        cluster = self._clusters.get(str(properties.get("DBClusterIdentifier")))
        if cluster is None:
            return  # an instance outside a cluster: recorded only
        with cluster.lock:
            if not cluster.instances:
                server = self._start_writer(cluster)
            else:
                server = self._start_standby(cluster)
            cluster.instances.append(instance_id)
        attributes["Endpoint.Address"] = server.address
        ministack.set_instance_endpoint(
            instance_id,
            address=server.address,
            port=server.port,
            is_writer=server is cluster.writer,
        )

    def _delete_instance(self, instance_id: str, properties: Properties) -> None:
        cluster = self._clusters.get(str(properties.get("DBClusterIdentifier")))
        if cluster is None or instance_id not in cluster.instances:
            return
        with cluster.lock:
            cluster.instances.remove(instance_id)
            if len(cluster.instances) == 1 and cluster.standby.process is not None:
                self._wait_for_standby(cluster, False)
                cluster.standby.stop()
            elif not cluster.instances:
                cluster.writer.stop()

    # -- servers ------------------------------------------------------------------------------

    def _start_writer(self, cluster: _Cluster) -> PostgresServer:
        writer = cluster.writer
        writer.initialize()
        writer.start()
        if cluster.database != "postgres":
            quoted = cluster.database.replace('"', '""')
            with self._superuser(writer) as execute:
                execute(f'CREATE DATABASE "{quoted}"')
        return writer

    def _start_standby(self, cluster: _Cluster) -> PostgresServer:
        if cluster.standby.process is None:
            cluster.writer.stop()
            cluster.writer.make_standby(cluster.standby)
            cluster.writer.start()
            cluster.standby.start()
            self._wait_for_standby(cluster, True)
        return cluster.standby

    def _wait_for_standby(self, cluster: _Cluster, wait: bool) -> None:
        names = "*" if wait else ""
        with self._superuser(cluster.writer) as execute:
            execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
            execute("SELECT pg_reload_conf()")

    @contextlib.contextmanager
    def _superuser(self, server: PostgresServer) -> Iterator[Callable[[str], object]]:
        connection = pg8000.dbapi.connect(
            user=server.superuser,
            password=server.password,
            host=server.address,
            port=server.port,
            database="postgres",
            ssl_context=True,
            timeout=10,
        )
        connection.autocommit = True
        try:
            yield connection.cursor().execute
        finally:
            connection.close()

    def _watch(self) -> None:
        while not self._stopped.wait(_WATCH_INTERVAL_SECONDS):
            for cluster_id, cluster in list(self._clusters.items()):
                with cluster.lock:
                    for server in cluster.running:
                        if server.process is not None and server.process.poll() is not None:
                            logger.warning(
                                "database server of %s died (exit %s): starting it again",
                                cluster_id,
                                server.process.returncode,
                            )
                            try:
                                server.start()
                            except Exception:  # the thread's boundary: the next round tries again
                                logger.exception("database server did not start again")
