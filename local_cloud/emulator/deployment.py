"""One ECS service: keeps the wanted number of healthy tasks of the wanted definition.

During a deployment the old tasks serve until all new tasks are healthy. If three new tasks fail
before they are healthy (ECS's own minimum), the circuit breaker stops the new tasks, the old ones
continue, and the deployment fails with the task's error. An alarm does the same.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from local_cloud.emulator.task import HealthCheck, Task

logger = logging.getLogger(__name__)

_FAILURES_MAX = 3
_STARTUP_CHECK_INTERVAL_SECONDS = 0.25
_BACKOFF_SECONDS_MAX = 30.0


class DeploymentFailed(Exception):
    """The service did not become stable; the message names the task and its last log lines."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The target state of a service, from the ECS API."""

    definition_arn: str
    count: int
    health_check: HealthCheck | None
    grace_seconds: float
    zones: tuple[str, ...] = ()  # tasks are spread evenly over these


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Functions that start, register and release the tasks of a service."""

    start: Callable[[str], Task]  # by definition ARN
    register: Callable[[Task], None]
    deregister: Callable[[Task], None]
    released: Callable[[Task], None]  # called when the task's process has ended


class Service:
    """Call `reconcile` periodically. All methods are thread-safe."""

    def __init__(self, *, name: str, platform: Platform) -> None:
        self.name = name
        self.tasks: list[Task] = []
        self._platform = platform
        self._wanted: Wanted | None = None
        self._failures = 0
        self._last_failure = ""
        self._stopped_because = ""
        self._failed_definition: str | None = None
        self._good_definition: str | None = None
        self._retry_at_monotonic = 0.0
        self._changed = threading.Condition(threading.RLock())

    def want(self, wanted: Wanted) -> None:
        """Set the target state; a new definition starts a deployment."""
        with self._changed:
            previous = self._wanted
            self._wanted = wanted
            if previous is None or previous.definition_arn != wanted.definition_arn:
                self._failures = 0
                self._retry_at_monotonic = 0.0
                self._failed_definition = None
                self._stopped_because = ""

    @property
    def is_serving(self) -> bool:
        """True with a healthy task, or if none is wanted, or after a task has failed."""
        with self._changed:
            wanted = self._wanted is not None and self._wanted.count > 0
            return not wanted or self._failures > 0 or any(t.is_healthy for t in self.tasks)

    @property
    def deploying(self) -> str | None:
        """The definition that is being deployed, or None."""
        with self._changed:
            definition = self._wanted.definition_arn if self._wanted else None
            done = (self._good_definition, self._failed_definition)
            return None if definition in done else definition

    def stop_deployment(self, definition: str, why: str) -> None:
        """Let the deployment of `definition` fail. The old tasks continue."""
        with self._changed:
            if self.deploying == definition:
                self._failed_definition = definition
                self._stopped_because = why
                self._changed.notify_all()

    def wait_until_stable(self, definition_arn: str, *, timeout_seconds: float) -> None:
        """Return when only healthy tasks of `definition_arn` run. Raises DeploymentFailed."""
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while not self._is_stable(definition_arn):
                if self._failed_definition == definition_arn:
                    raise DeploymentFailed(self._failure_message())
                self._changed.wait(timeout=1.0)
                if time.monotonic() > deadline:
                    raise DeploymentFailed(
                        f"service {self.name} was not stable after {timeout_seconds:.0f} s. "
                        + self._last_failure
                    )

    def stop_all(self) -> None:
        """Deregister every task and ask it to stop; `reconcile` removes them when they end."""
        with self._changed:
            self._wanted = None
            for task in self.tasks:
                self._retire(task)

    def reconcile(self) -> None:
        """One step towards the target state. Does not raise when a task fails."""
        with self._changed:
            self._reap()
            if self._wanted is not None:
                self._check_health(self._wanted)
                self._adjust(self._wanted)
            self._changed.notify_all()

    # -- details, all under the lock ------------------------------------------------------------

    def _reap(self) -> None:
        for task in list(self.tasks):
            if not task.reap():
                continue
            self.tasks.remove(task)
            if not task.is_stopping:
                self._platform.deregister(task)
                self._note_failure(task, f"exited with code {task.exit_code}")
            self._platform.released(task)

    def _check_health(self, wanted: Wanted) -> None:
        check = wanted.health_check
        now = time.monotonic()
        for task in self._alive():
            if now < task.next_check_monotonic:
                continue
            if check is None or check.passes(task.address, task.container.port):
                task.failed_checks = 0
                if not task.is_healthy:
                    task.is_healthy = True
                    self._platform.register(task)
            else:
                task.failed_checks += 1
                self._judge_unhealthy(task, wanted, check)
            pause = check.interval_seconds if check is not None else 5.0
            task.next_check_monotonic = time.monotonic() + (
                pause if task.is_healthy else _STARTUP_CHECK_INTERVAL_SECONDS
            )

    def _judge_unhealthy(self, task: Task, wanted: Wanted, check: HealthCheck) -> None:
        if task.is_healthy:
            if task.failed_checks >= check.unhealthy_threshold:
                self._note_failure(task, f"failed {task.failed_checks} health checks in a row")
                self._retire(task)
            return
        patience = max(wanted.grace_seconds, check.interval_seconds * check.unhealthy_threshold)
        if task.age_seconds > patience:
            self._note_failure(
                task, f"never passed its health check {check.path} in {task.age_seconds:.0f} s"
            )
            self._retire(task)

    def _adjust(self, wanted: Wanted) -> None:
        definition = wanted.definition_arn
        if definition == self._failed_definition:
            for task in self._alive():
                if task.definition_arn == definition:
                    self._retire(task)
            if self._good_definition is None:
                return
            definition = self._good_definition
        current = [t for t in self._alive() if t.definition_arn == definition]
        # After a lost zone is back: one more task there first, then one less where most are.
        count = wanted.count + (1 if _is_uneven(current, wanted.zones) else 0)
        for _ in range(len(current) - count):
            extra = _surplus(current)
            if extra.is_healthy and sum(t.is_healthy for t in current) <= wanted.count:
                break
            current.remove(extra)
            self._retire(extra)
        missing = count - len(current)
        if missing > 0 and time.monotonic() >= self._retry_at_monotonic:
            for _ in range(missing):
                self._start(definition)
        healthy = sum(t.is_healthy for t in current)
        if healthy >= wanted.count:
            self._good_definition = definition
            for old in self._alive():
                if old.definition_arn != definition:
                    self._retire(old)

    def _start(self, definition: str) -> None:
        try:
            self.tasks.append(self._platform.start(definition))
        except Exception as error:  # the boundary: any error is a failed task
            logger.warning("service %s: task not started", self.name, exc_info=error)
            self._last_failure = f"task of {definition} did not start: {error}"
            self._count_failure(definition)

    def _note_failure(self, task: Task, reason: str) -> None:
        self._last_failure = f"task {task.id} {reason}; its last lines:\n{task.log_tail()}"
        logger.warning("service %s: %s", self.name, self._last_failure)
        if not task.is_healthy:
            self._count_failure(task.definition_arn)

    def _count_failure(self, definition: str) -> None:
        self._failures += 1
        self._retry_at_monotonic = time.monotonic() + min(
            _BACKOFF_SECONDS_MAX, 0.5 * 2 ** min(self._failures, 6)
        )
        is_new = definition != self._good_definition
        if is_new and self._failures >= _FAILURES_MAX:
            self._failed_definition = definition
            self._failures = 0

    def _retire(self, task: Task) -> None:
        if not task.is_stopping:
            self._platform.deregister(task)
            task.stop()

    def _alive(self) -> list[Task]:
        return [t for t in self.tasks if not t.is_stopping and t.exit_code is None]

    def _is_stable(self, definition: str) -> bool:
        wanted = self._wanted
        if wanted is None or wanted.definition_arn != definition:
            return False
        current = [t for t in self._alive() if t.definition_arn == definition and t.is_healthy]
        return len(current) == wanted.count and len(self._alive()) == wanted.count

    def _failure_message(self) -> str:
        if self._stopped_because:
            return f"ECS deployment failed: service {self.name}: {self._stopped_because}"
        return (
            f"ECS Deployment Circuit Breaker was triggered: service {self.name}: "
            + self._last_failure
        )

    def __iter__(self) -> Iterator[Task]:
        return iter(list(self.tasks))


def _is_uneven(tasks: list[Task], zones: tuple[str, ...]) -> bool:
    counts = [sum(t.zone == zone for t in tasks) for zone in zones]
    return bool(counts) and max(counts) - min(counts) > 1 and all(t.is_healthy for t in tasks)


def _surplus(tasks: list[Task]) -> Task:
    """The newest task in the zone with most tasks; before that, one that does not serve yet."""
    crowd = Counter(t.zone for t in tasks)
    return max(tasks, key=lambda t: (crowd[t.zone], not t.is_healthy, t.started_monotonic))
