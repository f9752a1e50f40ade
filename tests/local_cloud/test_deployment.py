"""The ECS service: rolling deployments, replacement of dead tasks, and the circuit breaker."""

import itertools
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local_cloud.addresses import free_port
from local_cloud.emulator.deployment import DeploymentFailed, Platform, Service, Wanted
from local_cloud.emulator.task import HealthCheck, Task
from local_cloud.emulator.task_definition import Container, TaskCannotStart

CHECK = HealthCheck(
    protocol="HTTP",
    path="/health",
    expected="200",
    interval_seconds=0.1,
    timeout_seconds=60,  # a test refuses the connection, if a check is to fail
    unhealthy_threshold=2,
)


class FakePlatform:
    """Starts real (sleeping) processes; the test decides whether they pass health checks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registered: list[str] = []
        self.events: list[str] = []
        self.sick: set[str] = set()  # definitions whose tasks never answer
        self.crashing: set[str] = set()
        self.refused: set[str] = set()
        self.zones: list[str] = []  # of the tasks to come; then "a"
        self.servers: dict[str, ThreadingHTTPServer] = {}
        self._ids = (f"task{n}" for n in itertools.count(1))

    def platform(self) -> Platform:
        return Platform(
            start=self.start,
            register=lambda task: self._note("register", task),
            deregister=lambda task: self._note("deregister", task),
            released=self.release,
        )

    def start(self, definition: str) -> Task:
        if definition in self.refused:
            raise TaskCannotStart("no such image")
        task_id, port = next(self._ids), free_port()
        if definition not in self.sick:
            self.servers[task_id] = _healthy_server(port)
        code = "raise SystemExit('boom')" if definition in self.crashing else "sleep(600)"
        log_file = self.folder / f"{task_id}.log"
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                ["python3", "-c", f"from time import sleep; {code}"],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return Task(
            id=task_id,
            definition_arn=definition,
            container=Container(
                name="app", image="x", environment={}, command=(), port=port, log_group=None,
                log_stream_prefix="", stop_timeout_seconds=5, task_role_arn=None,
            ),
            address="127.0.0.1",
            zone=self.zones.pop(0) if self.zones else "a",
            log_file=log_file,
            process=process,
        )  # fmt: skip

    def release(self, task: Task) -> None:
        server = self.servers.pop(task.id, None)
        if server is not None:
            server.shutdown()
            server.server_close()

    def _note(self, what: str, task: Task) -> None:
        self.events.append(f"{what} {task.id}")
        if what == "register":
            self.registered.append(task.id)
        elif task.id in self.registered:
            self.registered.remove(task.id)


class _Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def _healthy_server(port: int) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", port), _Healthy)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


@pytest.fixture
def fake(tmp_path: Path) -> FakePlatform:
    return FakePlatform(tmp_path)


@pytest.fixture
def service(fake: FakePlatform) -> Iterator[Service]:
    service = Service(name="svc", platform=fake.platform())
    stopped = threading.Event()

    def loop() -> None:
        while not stopped.wait(0.05):
            service.reconcile()

    thread = threading.Thread(target=loop)
    thread.start()
    yield service
    service.stop_all()
    until(lambda: not service.tasks)
    stopped.set()
    thread.join()


PATIENT_SECONDS = 300.0  # for a busy machine; on a free one nothing takes that long


def want(
    service: Service,
    definition: str,
    *,
    count: int = 2,
    zones: tuple[str, ...] = (),
    grace_seconds: float = 0.5,
) -> None:
    service.want(
        Wanted(
            definition_arn=definition,
            count=count,
            health_check=CHECK,
            grace_seconds=grace_seconds,
            zones=zones,
        )
    )


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.02)


def test_a_deployment_ends_with_every_task_registered(service: Service, fake: FakePlatform) -> None:
    want(service, "v1")
    service.wait_until_stable("v1", timeout_seconds=PATIENT_SECONDS)
    assert sorted(fake.registered) == sorted(t.id for t in service)
    assert len(fake.registered) == 2


def test_old_tasks_serve_until_all_new_ones_are_healthy(
    service: Service, fake: FakePlatform
) -> None:
    """S31: during a deployment the wanted number of tasks is always in service."""
    want(service, "v1")
    service.wait_until_stable("v1", timeout_seconds=PATIENT_SECONDS)
    want(service, "v2")
    service.wait_until_stable("v2", timeout_seconds=PATIENT_SECONDS)
    in_service, fewest = 0, []
    for event in fake.events:
        in_service += 1 if event.startswith("register") else -1
        fewest.append(in_service)
    assert min(fewest[1:]) >= 2
    assert {t.definition_arn for t in service if not t.is_stopping} == {"v2"}


def test_a_killed_task_leaves_the_load_balancer_and_is_replaced(
    service: Service, fake: FakePlatform
) -> None:
    """S31: kill -9 of a task."""
    want(service, "v1")
    service.wait_until_stable("v1", timeout_seconds=PATIENT_SECONDS)
    victim = next(iter(service))
    victim.process.kill()
    until(lambda: victim.id not in fake.registered)
    service.wait_until_stable("v1", timeout_seconds=PATIENT_SECONDS)
    assert victim.id not in {t.id for t in service}


def test_a_task_that_stops_answering_is_replaced(service: Service, fake: FakePlatform) -> None:
    want(service, "v1")
    service.wait_until_stable("v1", timeout_seconds=PATIENT_SECONDS)
    victim = next(iter(service))
    server = fake.servers.pop(victim.id)
    server.shutdown()
    server.server_close()
    until(lambda: victim.id not in {t.id for t in service})
    service.wait_until_stable("v1", timeout_seconds=PATIENT_SECONDS)


@pytest.mark.parametrize("fault", ["sick", "crashing", "refused"])
def test_a_broken_definition_fails_and_the_old_tasks_stay(
    service: Service, fake: FakePlatform, fault: str
) -> None:
    """S31: the circuit breaker; the message names the task's fault."""
    want(service, "good")
    service.wait_until_stable("good", timeout_seconds=PATIENT_SECONDS)
    kept = set(fake.registered)
    getattr(fake, fault).add("bad")
    if fault == "crashing":
        fake.sick.add("bad")
    # A task that crashes must have the time to do so before it is late for its health check.
    want(service, "bad", grace_seconds=PATIENT_SECONDS if fault == "crashing" else 0.5)
    with pytest.raises(DeploymentFailed) as failed:
        service.wait_until_stable("bad", timeout_seconds=PATIENT_SECONDS)
    message = {"sick": "never passed", "crashing": "boom", "refused": "no such image"}[fault]
    assert message in str(failed.value)
    assert kept <= set(fake.registered)
    want(service, "good")
    service.wait_until_stable("good", timeout_seconds=PATIENT_SECONDS)
    assert set(fake.registered) == kept


def test_surplus_tasks_are_stopped(service: Service, fake: FakePlatform) -> None:
    want(service, "v1")
    service.wait_until_stable("v1", timeout_seconds=PATIENT_SECONDS)
    want(service, "v1", count=1)
    until(lambda: len(fake.registered) == 1)


def test_s65_tasks_spread_again_after_a_lost_zone_and_none_is_missing_meanwhile(
    service: Service, fake: FakePlatform
) -> None:
    fake.zones = ["a", "a", "b", "b", "b"]
    want(service, "v1")
    service.wait_until_stable("v1", timeout_seconds=PATIENT_SECONDS)

    before = set(fake.registered)
    fake.sick.add("v1")  # the next one is slow to become healthy
    want(service, "v1", zones=("a", "b"), grace_seconds=PATIENT_SECONDS)
    until(lambda: any(t.zone == "b" for t in service))
    service.reconcile()
    assert set(fake.registered) == before

    def has_spread() -> bool:
        for task in service:
            if task.id not in fake.servers:
                fake.servers[task.id] = _healthy_server(task.container.port)
        return sorted(t.zone for t in service) == ["a", "b"]

    until(has_spread)
    in_service = 0
    for number, event in enumerate(fake.events):
        in_service += 1 if event.startswith("register") else -1
        assert in_service >= 2 or number == 0


def test_s65_tasks_are_not_restarted_while_there_is_one_zone(
    service: Service, fake: FakePlatform
) -> None:
    want(service, "v1", zones=("a",))
    service.wait_until_stable("v1", timeout_seconds=PATIENT_SECONDS)
    service.reconcile()
    assert len(fake.events) == 2
