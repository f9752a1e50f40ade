"""Stops and starts the database cluster of an environment. AWS keeps its data and its endpoints.

Status values and errors:
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-cluster-stop-start.html
"""

from typing import TYPE_CHECKING

from branch_hub.functions.sleep_steps.names import DATABASE
from branch_hub.functions.sleep_steps.progress import Progress

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient


class DatabaseMissing(Exception):
    """The environment has no database cluster."""


class Database:
    """Each method does what is possible now, and is called again until it is done.

    Needs `rds:DescribeDBClusters`, `StopDBCluster` and `StartDBCluster`.
    """

    def __init__(self, *, rds: "RDSClient") -> None:
        self._rds = rds

    def stop(self, suffix: str) -> Progress:
        """Raises DatabaseMissing. AWS stops an available cluster only; another state passes."""
        status = self._status(suffix)
        if status is None:
            raise DatabaseMissing(f"there is no cluster {DATABASE}-{suffix}")
        if status == "available":
            self._rds.stop_db_cluster(DBClusterIdentifier=f"{DATABASE}-{suffix}")
            return Progress(done=False, message="the database stops")
        return Progress(done=status == "stopped", message=f"the database is {status}")

    def start(self, suffix: str) -> Progress:
        """Done if it is available, or if there is no cluster: nothing is stopped then."""
        status = self._status(suffix)
        if status == "stopped":
            self._rds.start_db_cluster(DBClusterIdentifier=f"{DATABASE}-{suffix}")
            return Progress(done=False, message="the database starts")
        return Progress(
            done=status in (None, "available"), message=f"the database is {status or 'missing'}"
        )

    def start_to_delete(self, suffix: str) -> Progress:
        """Done in every state but those of a stopped cluster: AWS deletes one that has failed."""
        status = self._status(suffix)
        if status in ("stopped", "starting", "stopping"):
            return self.start(suffix)
        return Progress(done=True, message=f"the database is {status or 'missing'}")

    def _status(self, suffix: str) -> str | None:
        try:
            (cluster,) = self._rds.describe_db_clusters(DBClusterIdentifier=f"{DATABASE}-{suffix}")[
                "DBClusters"
            ]
        except self._rds.exceptions.DBClusterNotFoundFault:
            return None
        return str(cluster["Status"])
