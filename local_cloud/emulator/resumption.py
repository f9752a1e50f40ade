"""Starts again what an earlier server ran: databases, load balancers, tasks."""

import http
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final

from local_cloud.emulator.database_clusters import DatabaseClusters
from local_cloud.emulator.load_balancers import LoadBalancers
from local_cloud.emulator.services import Services
from local_cloud.paths import CloudPaths
from local_cloud.pipeline.executions import fail_killed_runs

logger = logging.getLogger(__name__)

# A service that has no healthy task by then has a fault of its own: the cloud is used without it.
_SERVICES_SECONDS: Final = 30.0
_LOOK_AGAIN_SECONDS: Final = 0.05


@dataclass(kw_only=True)
class Resumption:
    """Runs on a thread, because tasks use the API that answers meanwhile."""

    databases: DatabaseClusters
    load_balancers: LoadBalancers
    services: Services
    paths: CloudPaths
    is_done: bool = False
    _problem: str = ""
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="resumption", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def answer(self) -> tuple[int, dict[str, str], Any]:
        """For `server.py`: whether the environments serve again."""
        if self._problem:
            return http.HTTPStatus.INTERNAL_SERVER_ERROR, {}, {"problem": self._problem}
        return http.HTTPStatus.OK, {}, {"resumed": self.is_done}

    def _run(self) -> None:
        begun = time.monotonic()
        try:
            fail_killed_runs(self.paths.state)
            damaged = self.databases.resume()
            self.services.resume()
            self.load_balancers.resume()
            deadline = time.monotonic() + _SERVICES_SECONDS
            while not self.services.is_serving() and time.monotonic() < deadline:
                time.sleep(_LOOK_AGAIN_SECONDS)
        except Exception as error:  # the thread's boundary: `make up` shows it
            logger.exception("the saved state was not resumed")
            self._problem = f"{type(error).__name__}: {error}"
        else:
            self._problem = "; ".join(damaged)
            self.is_done = True  # the other environments serve
            logger.info("resumed after %.1f s", time.monotonic() - begun)
