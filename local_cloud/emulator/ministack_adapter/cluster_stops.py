"""StopDBCluster and StartDBCluster: the API answers at once, and a thread does the work.

Status values are those of AWS: `stopping`, `stopped`, `starting`, `available`. MiniStack itself
starts and stops containers, which are not used here.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)

OfCluster = Callable[[str], None]


def let_clusters_stop(*, stop: OfCluster, start: OfCluster) -> None:
    """Call `stop` or `start` with the cluster's name. An error leaves the transitional status."""
    from ministack.services import rds  # noqa: PLC0415 - reads the environment when imported

    def operation(name: str, work: OfCluster, *, passing: str, reached: str) -> None:
        original = rds._ACTION_MAP[name]

        def answer(parameters: Any) -> Any:
            response = original(parameters)
            if response[0] != 200:
                return response
            cluster = rds._resolve_cluster_in_request_region(
                rds._p(parameters, "DBClusterIdentifier")
            )
            parts = [cluster, *rds._cluster_member_instances(cluster)]
            _set_status(parts, passing)
            thread = threading.Thread(target=change, args=(parts,), name=name, daemon=True)
            thread.start()
            return rds._xml(
                200,
                f"{name}Response",
                f"<{name}Result><DBCluster>{rds._cluster_xml(cluster)}</DBCluster></{name}Result>",
            )

        def change(parts: list[dict[str, Any]]) -> None:
            try:
                work(parts[0]["DBClusterIdentifier"])
            except Exception:  # the thread's boundary
                logger.exception("%s of %s failed", name, parts[0]["DBClusterIdentifier"])
            else:
                _set_status(parts, reached)

        rds._ACTION_MAP[name] = answer

    operation("StopDBCluster", stop, passing="stopping", reached="stopped")
    operation("StartDBCluster", start, passing="starting", reached="available")


def _set_status(parts: list[dict[str, Any]], status: str) -> None:
    """Of a cluster, which is the first of `parts`, and of its instances."""
    cluster, *instances = parts
    cluster["Status"] = status
    for instance in instances:
        instance["DBInstanceStatus"] = status
