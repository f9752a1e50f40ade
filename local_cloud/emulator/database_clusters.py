"""AWS::RDS::DBCluster and DBInstance: a real PostgreSQL writer with a streaming standby.

The first instance of a cluster starts the writer, the second one the standby; further instances
are recorded only. The standby may become the writer later: see database_pair.py.
"""

import concurrent.futures
import dataclasses
import json
import logging
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local_cloud.addresses import LoopbackAddresses
from local_cloud.certificates import LocalAuthority
from local_cloud.database_clock import DatabaseClock
from local_cloud.emulator.cluster_plan import PLAN, ClusterPlan
from local_cloud.emulator.database_pair import DatabasePair, Node
from local_cloud.emulator.ministack_adapter import Attributes, Follower, Properties, records
from local_cloud.postgres import PostgresServer
from local_cloud.whole_file import write_whole
from local_cloud.zones import Zones

logger = logging.getLogger(__name__)

_WATCH_INTERVAL_SECONDS = 0.2
_HEALTH_CHECK_INTERVAL_SECONDS = 0.5
_ROLES = ("writer", "reader")  # of the endpoints at the start


@dataclass(kw_only=True)
class _Cluster:
    folder: Path
    pair: DatabasePair
    instances: list[str] = field(default_factory=list)
    lock: threading.Lock = field(
        default_factory=threading.Lock
    )  # one CloudFormation call at a time
    publishing: threading.Lock = field(default_factory=threading.Lock)
    is_gone: bool = False

    @property
    def facts_file(self) -> Path:
        return self.folder.with_suffix(".json")


class DatabaseClusters:
    """All clusters of this cloud. Two threads replace writers and standbys that fail.

    A third one finds out which servers hang; the others may wait for such a server meanwhile.
    """

    def __init__(
        self,
        *,
        folder: Path,
        addresses: LoopbackAddresses,
        authority: LocalAuthority,
        zones: Zones,
        clock: DatabaseClock,
    ) -> None:
        self._folder = folder
        self._addresses = addresses
        self._authority = authority
        self._zones = zones
        self._clock = clock
        self._clusters: dict[str, _Cluster] = {}
        self._stopped = threading.Event()
        self._watchers = [
            threading.Thread(target=self._watch, args=watch, name="databases", daemon=True)
            for watch in (
                (self._look_after_writer, _WATCH_INTERVAL_SECONDS),
                (self._look_after_standby, _WATCH_INTERVAL_SECONDS),
                (self._check_health, _HEALTH_CHECK_INTERVAL_SECONDS),
            )
        ]
        for watcher in self._watchers:
            watcher.start()

    def followers(self) -> dict[str, Follower]:
        return {
            "AWS::RDS::DBCluster": Follower(
                created=self._create_cluster, deleting=self._delete_cluster
            ),
            "AWS::RDS::DBInstance": Follower(
                created=self._create_instance, deleting=self._delete_instance
            ),
        }

    def resume(self) -> list[str]:
        """Start the servers of an earlier cloud from their data.

        A cluster that does not start stops no other one: the problems are returned.
        """
        plans = [ClusterPlan.read(file) for file in sorted(self._folder.glob(f"*/{PLAN}"))]
        for plan in plans:
            if records.has_cluster(plan.cluster_id):
                self._clusters[plan.cluster_id] = self._cluster(plan)
            else:  # killed while it was created or deleted
                self._forget(plan.cluster_id)
        wanted = [key for key in self._clusters if not records.is_cluster_stopped(key)]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            return [problem for problem in pool.map(self._problem_of_resuming, wanted) if problem]

    def stop(self) -> None:
        """Stop every server; nothing acknowledged is lost."""
        self._stopped.set()
        for watcher in self._watchers:
            watcher.join()
        for cluster in self._clusters.values():
            cluster.pair.stop()

    # -- the RDS API --------------------------------------------------------------------------

    def stop_cluster(self, cluster_id: str) -> None:
        """Its data and addresses stay. The watchers leave a server alone that was stopped."""
        cluster = self._clusters[cluster_id]
        with cluster.lock:
            cluster.pair.stop()
        self._publish(cluster)

    def start_cluster(self, cluster_id: str) -> None:
        self._resume(cluster_id)

    # -- CloudFormation -----------------------------------------------------------------------

    def _create_cluster(
        self, cluster_id: str, properties: Properties, attributes: Attributes
    ) -> None:
        plan = ClusterPlan(
            cluster_id=cluster_id,
            port=int(attributes["Endpoint.Port"]),
            superuser=str(properties.get("MasterUsername", "postgres")),
            password=str(properties["MasterUserPassword"]),
            database=str(properties.get("DatabaseName") or "postgres"),
        )
        folder = self._folder / cluster_id
        if folder.exists():  # left by a server that was killed
            shutil.rmtree(folder)
        plan.write(folder / PLAN)
        cluster = self._clusters[cluster_id] = self._cluster(plan)
        hosts = [node.server.address for node in (cluster.pair.writer, cluster.pair.standby)]
        attributes["Endpoint.Address"], attributes["ReadEndpoint.Address"] = hosts
        records.set_cluster_endpoints(cluster_id, writer=hosts[0], reader=hosts[1], port=plan.port)

    def _cluster(self, plan: ClusterPlan) -> _Cluster:
        folder = self._folder / plan.cluster_id
        nodes = []
        for role in _ROLES:
            host = self._addresses.allocate(f"database/{plan.cluster_id}/{role}", port=plan.port)
            server = PostgresServer(
                data_dir=folder / role,
                address=host,
                port=plan.port,
                password=plan.password,
                superuser=plan.superuser,
                certificate=self._authority.issue(
                    name=f"{plan.cluster_id}-{role}", addresses=[host]
                ),
                launcher=self._clock.launcher,
            )
            known = plan.nodes.get(role, {"instance_id": "", "zone": ""})
            nodes.append(Node(server=server, **known))
        return _Cluster(
            folder=folder,
            pair=DatabasePair(first=nodes[0], second=nodes[1], database=plan.database),
            instances=list(plan.instances),
        )

    def _problem_of_resuming(self, cluster_id: str) -> str:
        try:
            self._resume(cluster_id)
        except Exception as error:  # the thread's boundary: `make up` shows it
            logger.exception("database %s was not started again", cluster_id)
            return f"database {cluster_id}: {type(error).__name__}: {error}"
        return ""

    def _resume(self, cluster_id: str) -> None:
        cluster = self._clusters[cluster_id]
        with cluster.lock:
            if cluster.instances:
                cluster.pair.resume()
        self._update_api(cluster_id, cluster)

    def _delete_cluster(self, cluster_id: str, _: Properties) -> None:
        cluster = self._clusters.pop(cluster_id, None)
        if cluster is None:
            return
        with cluster.lock:
            cluster.pair.stop()
            shutil.rmtree(cluster.folder, ignore_errors=True)
        with cluster.publishing:
            cluster.is_gone = True
            cluster.facts_file.unlink(missing_ok=True)
        self._forget(cluster_id)

    def _forget(self, cluster_id: str) -> None:
        folder = self._folder / cluster_id
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".json").unlink(missing_ok=True)  # the published facts
        for role in _ROLES:
            self._addresses.release(f"database/{cluster_id}/{role}")

    def _create_instance(
        self, instance_id: str, properties: Properties, attributes: Attributes
    ) -> None:
        cluster = self._clusters.get(str(properties.get("DBClusterIdentifier")))
        if cluster is None:
            return  # an instance outside a cluster: recorded only
        with cluster.lock:
            pair = cluster.pair
            node = pair.writer if not cluster.instances else pair.standby
            if len(cluster.instances) < len(_ROLES):
                node.zone = str(properties.get("AvailabilityZone", ""))
                pair.start_writer() if node is pair.writer else pair.start_standby()
                node.instance_id = instance_id
            cluster.instances.append(instance_id)
            self._note_instances(cluster)
        attributes["Endpoint.Address"] = node.server.address
        self._update_api(str(properties["DBClusterIdentifier"]), cluster)

    def _delete_instance(self, instance_id: str, properties: Properties) -> None:
        cluster = self._clusters.get(str(properties.get("DBClusterIdentifier")))
        if cluster is None or instance_id not in cluster.instances:
            return
        records.refuse_if_stopped(str(properties["DBClusterIdentifier"]))
        with cluster.lock:
            cluster.instances.remove(instance_id)
            self._note_instances(cluster)
            if len(cluster.instances) == 1:
                cluster.pair.drop_standby()
            elif not cluster.instances:
                cluster.pair.stop()

    def _note_instances(self, cluster: _Cluster) -> None:
        plan = ClusterPlan.read(cluster.folder / PLAN)
        nodes = {
            node.server.data_dir.name: {"instance_id": node.instance_id, "zone": node.zone}
            for node in (cluster.pair.writer, cluster.pair.standby)
        }
        changed = dataclasses.replace(plan, instances=tuple(cluster.instances), nodes=nodes)
        changed.write(cluster.folder / PLAN)

    # -- failures -----------------------------------------------------------------------------

    def _look_after_writer(self, cluster_id: str, cluster: _Cluster) -> None:
        if cluster.pair.look_after_writer(lost_zones=self._zones.lost()):
            self._update_api(cluster_id, cluster)

    def _look_after_standby(self, _: str, cluster: _Cluster) -> None:
        cluster.pair.look_after_standby(lost_zones=self._zones.lost())
        self._publish(cluster)

    def _check_health(self, _: str, cluster: _Cluster) -> None:
        cluster.pair.check_health()

    def _watch(self, look: Callable[[str, _Cluster], None], interval_seconds: float) -> None:
        while not self._stopped.wait(interval_seconds):
            for cluster_id, cluster in list(self._clusters.items()):
                try:
                    look(cluster_id, cluster)
                except Exception:  # the thread's boundary: the next round tries again
                    logger.exception("database %s: a round failed", cluster_id)

    # -- published state ----------------------------------------------------------------------

    def _update_api(self, cluster_id: str, cluster: _Cluster) -> None:
        """Set writer and reader in the RDS API, and publish."""
        writer, standby = cluster.pair.writer, cluster.pair.standby
        records.set_cluster_endpoints(
            cluster_id,
            writer=writer.server.address,
            reader=standby.server.address,
            port=writer.server.port,
        )
        for node in (writer, standby):
            if node.instance_id:
                records.set_instance_endpoint(
                    node.instance_id,
                    address=node.server.address,
                    port=node.server.port,
                    is_writer=node is writer,
                )
        self._publish(cluster)

    def _publish(self, cluster: _Cluster) -> None:
        """Tell what `make status`, the drills and the RDS API read. Called from several threads."""
        with cluster.publishing:
            if not cluster.is_gone:
                facts = cluster.pair.facts()
                write_whole(cluster.facts_file, json.dumps(facts, indent=1))
                for node in facts:
                    records.set_instance_serves(node["instance"], serves=node["state"] != "away")
