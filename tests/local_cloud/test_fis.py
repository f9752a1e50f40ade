"""B7: the local FIS starts, stops and ends an experiment as AWS does, and carries out every
action that the templates of an environment have."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lambda_src.shared.drills import DRILL_TAG, DRILLS
from local_cloud.drills import fis_faults
from local_cloud.drills.fis_faults import NoTarget
from local_cloud.drills.rehearsal import Scene
from local_cloud.emulator import experiments, fis_api
from local_cloud.emulator.experiments import Experiments
from local_cloud.emulator.fis_api import SCOPE, FisApi, template_type
from local_cloud.paths import CloudPaths
from local_cloud.server import CloudError
from local_cloud.zones import Zones
from tests.infra.templates import Synthesized

NETWORK = "aws:network:disrupt-connectivity"
ALARM = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:audit-altered-dev"


class Alarms:
    """CloudWatch with the alarms that are raised."""

    def __init__(self) -> None:
        self.raised: list[str] = []
        self.cloudwatch = self

    def describe_alarms(self, **request: Any) -> dict[str, Any]:
        assert request["StateValue"] == "ALARM"
        found = [name for name in request["AlarmNames"] if name in self.raised]
        return {"MetricAlarms": [{"AlarmName": name} for name in found]}


class Faults:
    """Records which faults are on; `missing`: an action that finds nothing."""

    def __init__(self) -> None:
        self.on: list[str] = []
        self.was_on: list[str] = []
        self.missing = ""
        self.may_end = threading.Event()
        self.may_end.set()

    @contextlib.contextmanager
    def fault(self, _: Scene, action: str, target: Any) -> Iterator[None]:
        if action == self.missing:
            raise NoTarget
        self.on.append(action)
        self.was_on.append(action)
        try:
            yield
        finally:
            self.may_end.wait()
            self.on.remove(action)


@pytest.fixture
def alarms() -> Alarms:
    return Alarms()


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    found = Faults()
    monkeypatch.setattr(experiments, "fault", found.fault)
    monkeypatch.setattr(experiments, "_LOOK_AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(fis_faults, "_SECONDS_OF_A_MINUTE", 0.3)
    return found


def properties(*, mode: str = "fail", minutes: int = 1) -> dict[str, Any]:
    return {
        "Description": "lose-zone",
        "RoleArn": "arn:aws:iam::000000000000:role/x",
        "Tags": {"environment-suffix": "dev", "drill": "lose-zone"},
        "ExperimentOptions": {"EmptyTargetResolutionMode": mode},
        "StopConditions": [{"Source": "aws:cloudwatch:alarm", "Value": ALARM}],
        "Targets": {"tasks": {"SelectionMode": "ALL"}, "network": {}},
        "Actions": {
            "tasks": {"ActionId": "aws:ecs:stop-task", "Targets": {"Tasks": "tasks"}},
            "network": {
                "ActionId": NETWORK,
                "Parameters": {"duration": f"PT{minutes}M"},
                "Targets": {"Subnets": "network"},
            },
        },
    }


@pytest.fixture
def fis(tmp_path: Path, alarms: Alarms, faults: Faults) -> Iterator[Any]:
    """A client of the local FIS, over HTTP."""
    paths = CloudPaths(tmp_path)
    api = FisApi(paths.experiment_templates, Experiments(paths, alarms))  # type: ignore[arg-type]

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            assert SCOPE in self.headers["Authorization"]
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, answer = api.call(self.command, self.path.partition("?")[0], body)
            text = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - names of the standard library

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield boto3.client(
        "fis",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    server.shutdown()
    server.server_close()


def create(folder: Path, template: dict[str, Any]) -> str:
    kind = template_type(CloudPaths(folder).experiment_templates)["AWS::FIS::ExperimentTemplate"]
    return kind.create("Template", template, "stack")[0]


def start(fis: Any, template: str) -> str:
    tags = {"environment-suffix": "dev"}
    return str(fis.start_experiment(experimentTemplateId=template, tags=tags)["experiment"]["id"])


def ended(fis: Any, name: str) -> Any:
    wait_until(lambda: "endTime" in fis.get_experiment(id=name)["experiment"])
    return fis.get_experiment(id=name)["experiment"]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_b7_a_deployed_template_is_listed_with_its_tags_until_it_is_deleted(
    fis: Any, tmp_path: Path
) -> None:
    name = create(tmp_path, properties())
    (summary,) = fis.list_experiment_templates()["experimentTemplates"]
    assert (summary["id"], summary["tags"]["drill"]) == (name, "lose-zone")
    assert fis.list_tags_for_resource(resourceArn=summary["arn"])["tags"]["drill"] == "lose-zone"

    kind = template_type(CloudPaths(tmp_path).experiment_templates)["AWS::FIS::ExperimentTemplate"]
    kind.update(name, {}, {**properties(), "Description": "new"}, "stack")
    assert fis.list_experiment_templates()["experimentTemplates"][0]["description"] == "new"
    kind.delete(name, {})
    assert fis.list_experiment_templates()["experimentTemplates"] == []


def test_b7_an_experiment_ends_with_its_fault(fis: Any, tmp_path: Path, faults: Faults) -> None:
    """The network first: what is killed then does not start there again."""
    faults.may_end.clear()  # before somebody has seen it
    name = start(fis, create(tmp_path, properties()))
    wait_until(lambda: len(faults.on) == 2)
    assert fis.get_experiment(id=name)["experiment"]["state"]["status"] == "running"
    faults.may_end.set()

    experiment = ended(fis, name)
    assert experiment["state"] == {"status": "completed"}
    assert {a["state"]["status"] for a in experiment["actions"].values()} == {"completed"}
    assert (faults.was_on, faults.on) == ([NETWORK, "aws:ecs:stop-task"], [])
    (listed,) = fis.list_experiments()["experiments"]
    assert listed["tags"] == {"environment-suffix": "dev"}
    assert fis.list_tags_for_resource(resourceArn=listed["arn"])["tags"] == listed["tags"]


def test_b7_a_person_stops_an_experiment_and_its_fault(
    fis: Any, tmp_path: Path, faults: Faults
) -> None:
    name = start(fis, create(tmp_path, properties(minutes=1000)))
    wait_until(lambda: len(faults.on) == 2)
    fis.stop_experiment(id=name)

    state = ended(fis, name)["state"]
    assert state == {"status": "stopped", "reason": "Experiment stopped by user."}
    assert faults.on == []
    with pytest.raises(ClientError, match="is stopped already"):
        fis.stop_experiment(id=name)


def test_a_stop_of_an_experiment_that_has_just_ended_changes_nothing(
    fis: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIS saw it run, and then it ended."""
    name = start(fis, create(tmp_path, properties()))
    ended(fis, name)
    monkeypatch.setattr(fis_api, "RUNNING", (*experiments.RUNNING, "completed"))
    fis.stop_experiment(id=name)
    assert fis.get_experiment(id=name)["experiment"]["state"] == {"status": "completed"}


def test_b7_an_alarm_stops_an_experiment_and_none_is_started_meanwhile(
    fis: Any, tmp_path: Path, faults: Faults, alarms: Alarms
) -> None:
    template = create(tmp_path, properties(minutes=1000))
    name = start(fis, template)
    wait_until(lambda: len(faults.on) == 2)
    alarms.raised.append("audit-altered-dev")

    for experiment in (ended(fis, name), ended(fis, start(fis, template))):
        assert experiment["state"]["status"] == "stopped"
        assert "alarm audit-altered-dev" in experiment["state"]["reason"]
    assert len(faults.was_on) == 2


@pytest.mark.parametrize(("mode", "status"), [("skip", "completed"), ("fail", "failed")])
def test_b7_an_action_without_a_target_is_skipped_if_the_template_says_so(
    fis: Any, tmp_path: Path, faults: Faults, mode: str, status: str
) -> None:
    faults.missing = "aws:ecs:stop-task"

    experiment = ended(fis, start(fis, create(tmp_path, properties(mode=mode))))

    assert experiment["state"]["status"] == status
    assert experiment["actions"]["tasks"]["state"]["status"] == "skipped"
    assert faults.on == []


@pytest.mark.parametrize(
    ("operation", "request_", "code"),
    [
        ("start_experiment", {"experimentTemplateId": "EXT0"}, "ResourceNotFoundException"),
        ("get_experiment", {"id": "EXP0"}, "ResourceNotFoundException"),
        ("list_actions", {}, "ValidationException"),
    ],
)
def test_s68_what_is_missing_is_an_error_with_the_code_of_fis(
    fis: Any, operation: str, request_: dict[str, str], code: str
) -> None:
    with pytest.raises(ClientError) as error:
        getattr(fis, operation)(**request_)

    assert error.value.response["Error"]["Code"] == code


def scene_of(folder: Path) -> Scene:
    """Two tasks in two zones, and the writer in the first. None of these processes exists."""
    scene = Scene(paths=CloudPaths(folder), suffix="dev")
    tasks = [
        {"id": zone, "zone": zone, "pid": pid, "state": "healthy"}
        for zone, pid in (("a", 1001), ("b", 1002))
    ]
    writer = {"instance": "one", "role": "writer", "zone": "a", "pid": 1003}
    for place, facts in ((scene.paths.services, tasks), (scene.paths.databases, [writer])):
        place.mkdir(parents=True)
        (place / "x-dev.json").write_text(json.dumps(facts))
    return scene


@pytest.mark.parametrize(
    ("action", "target", "killed"),
    [
        ("aws:ecs:stop-task", {"SelectionMode": "COUNT(1)"}, [1001]),
        (
            "aws:ecs:stop-task",
            {"SelectionMode": "ALL", "Filters": [{"Path": "AvailabilityZone", "Values": ["b"]}]},
            [1002],
        ),
        ("aws:rds:failover-db-cluster", {}, [1003]),
        (NETWORK, {"Parameters": {"availabilityZoneIdentifier": "a"}}, [1001, 1003]),
    ],
)
def test_b7_an_action_kills_what_its_target_selects(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
    target: dict[str, Any],
    killed: list[int],
) -> None:
    found: list[int] = []
    monkeypatch.setattr(fis_faults, "kill_with_children", found.append)
    scene = scene_of(tmp_path)

    with fis_faults.fault(scene, action, target):
        lost = Zones(scene.paths.lost_zones).lost()
    assert found == killed
    assert lost == ({"a"} if action == NETWORK else set())
    assert Zones(scene.paths.lost_zones).lost() == set()


@pytest.mark.parametrize(
    ("action", "target"),
    [
        (
            "aws:ecs:stop-task",
            {"SelectionMode": "ALL", "Filters": [{"Path": "AvailabilityZone", "Values": ["c"]}]},
        ),
        (
            "aws:rds:failover-db-cluster",
            {"Parameters": {"writerAvailabilityZoneIdentifiers": "b"}},
        ),
    ],
)
def test_b7_an_action_says_that_it_has_no_target(
    tmp_path: Path, action: str, target: dict[str, Any]
) -> None:
    with pytest.raises(NoTarget), fis_faults.fault(scene_of(tmp_path), action, target):
        pass


def test_b7_every_action_of_our_templates_is_carried_out_here(tmp_path: Path) -> None:
    """A fault begins only in a `with` block, so nothing is killed here."""
    scene, carried_out = scene_of(tmp_path), set()
    for template in Synthesized.drills().properties("AWS::FIS::ExperimentTemplate"):
        for action in template["Actions"].values():
            (name,) = action["Targets"].values()
            fis_faults.fault(scene, action["ActionId"], template["Targets"][name])
            fis_faults.seconds_of(action.get("Parameters", {}))
        carried_out.add(template["Tags"][DRILL_TAG])

    assert carried_out == {*DRILLS}


def test_s68_an_action_that_is_not_known_here_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="does not carry out aws:ec2:stop-instances"):
        fis_faults.fault(scene_of(tmp_path), "aws:ec2:stop-instances", {})
    with pytest.raises(CloudError, match="durations like PT5M, and not PT1H"):
        fis_faults.seconds_of({"duration": "PT1H"})
