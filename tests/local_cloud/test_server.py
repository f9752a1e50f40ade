"""The server process: one per state folder; stopping it ends everything it started."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from local_cloud.addresses import free_port
from local_cloud.aws import AwsClients
from local_cloud.facts import facts_files, write_facts
from local_cloud.page import page_address
from local_cloud.paths import STATE_MARK, CloudPaths
from local_cloud.saved_state import write_version
from local_cloud.server import (
    CloudError,
    end_leftovers,
    exclusive,
    running_cloud,
    start_cloud,
    stop_cloud,
)
from local_cloud.stacks import find_pipeline, outputs_of, owner_of_pipeline

PIPELINE_STACK = {
    "Resources": {
        "Nat": {
            "Type": "AWS::EC2::NatGateway",
            "Properties": {"SubnetId": "subnet-1", "AllocationId": {"Ref": "Address"}},
        },
        "Address": {"Type": "AWS::EC2::EIP"},
        "Pipeline": {
            "Type": "AWS::CodePipeline::Pipeline",
            "Properties": {
                "Name": "delivery-x",
                "Stages": [
                    {
                        "Name": "Source",
                        "Actions": [
                            {
                                "Name": "Source",
                                "ActionTypeId": {"Category": "Source", "Provider": "CodeCommit"},
                                "Configuration": {"BranchName": "feature/x"},
                            }
                        ],
                    },
                    {
                        "Name": "Deploy",
                        "Actions": [
                            {
                                "Name": action,
                                "ActionTypeId": {
                                    "Category": "Deploy",
                                    "Provider": "CloudFormation",
                                },
                                "Configuration": {"StackName": "transaction-x"},
                            }
                            for action in ("Prepare", "Deploy")
                        ],
                    },
                ],
            },
        },
    },
    "Outputs": {"Nat": {"Value": {"Ref": "Nat"}}},
}


def test_a_second_start_finds_the_first(shared_cloud: CloudPaths) -> None:
    first = running_cloud(shared_cloud)
    assert first is not None
    assert start_cloud(shared_cloud) == first


def test_no_other_user_reads_the_files_of_the_services(shared_cloud: CloudPaths) -> None:
    assert (shared_cloud.cloud / "ministack").stat().st_mode & 0o777 == 0o700


def test_a_pipeline_stack_is_deployed_found_and_deleted(
    shared_cloud: CloudPaths, shared_aws: AwsClients
) -> None:
    """CloudFormation knows the types that MiniStack lacks, and keeps the pipeline's definition."""
    cloudformation = shared_aws.cloudformation
    cloudformation.create_stack(StackName="pipe", TemplateBody=json.dumps(PIPELINE_STACK))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="pipe", WaiterConfig={"Delay": 1, "MaxAttempts": 300}
    )
    found = find_pipeline(shared_cloud, "feature/x")
    assert found is not None
    assert found.name == "delivery-x"
    assert found.application_stacks == ("transaction-x",)
    assert find_pipeline(shared_cloud, "other") is None
    assert owner_of_pipeline(shared_aws, "delivery-x") == "pipe"
    (stack,) = cloudformation.describe_stacks(StackName="pipe")["Stacks"]
    record = shared_cloud.recorded / f"{outputs_of(stack)['Nat']}.json"
    assert record.exists()
    cloudformation.delete_stack(StackName="pipe")
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName="pipe", WaiterConfig={"Delay": 1, "MaxAttempts": 300}
    )
    assert find_pipeline(shared_cloud, "feature/x") is None
    assert owner_of_pipeline(shared_aws, "delivery-x") is None
    assert not record.exists()


def test_a_port_for_which_another_start_is_a_moment_earlier_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Both may bind it, because connections that ended may keep it for a minute."""
    earlier, later = socket.socket(), socket.socket()
    with earlier, later:
        for program in (earlier, later):
            program.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        earlier.bind(("127.0.0.1", 0))
        port = earlier.getsockname()[1]
        monkeypatch.setenv("LOCAL_CLOUD_PORT", str(port))
        monkeypatch.setattr(socket.socket, "bind", _bind_then(socket.socket.bind, earlier.listen))

        with pytest.raises(CloudError, match=rf"port {port} .LOCAL_CLOUD_PORT. is taken"):
            start_cloud(CloudPaths(tmp_path))


def _bind_then(bind: Any, listen: Callable[[], None]) -> Callable[..., None]:
    """Bind, and let the other program listen before this one does."""

    def bound(self: socket.socket, address: Any) -> None:
        bind(self, address)
        listen()

    return bound


def test_a_configured_port_that_is_taken_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setenv("LOCAL_CLOUD_PORT", str(port))
        with pytest.raises(CloudError, match=rf"port {port} .LOCAL_CLOUD_PORT. is taken"):
            start_cloud(CloudPaths(tmp_path))


@pytest.mark.parametrize("text", ["http", "0", "70000", "-1"])
def test_an_invalid_port_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("LOCAL_API_PORT", text)
    with pytest.raises(CloudError, match=r"LOCAL_API_PORT=.*expected a port number"):
        start_cloud(CloudPaths(tmp_path))


def test_stopping_ends_the_processes_of_a_killed_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only processes of this state folder; those of another one run on."""
    monkeypatch.setenv("LOCAL_CLOUD_PORT", str(free_port()))
    paths = CloudPaths(tmp_path)
    server = start_cloud(paths)
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    child = subprocess.Popen(sleeper, env={**os.environ, STATE_MARK: str(tmp_path)})
    neighbour = subprocess.Popen(sleeper, env={**os.environ, STATE_MARK: f"{tmp_path}-other"})
    os.kill(server.pid, signal.SIGKILL)
    psutil.Process(server.pid).wait()
    try:
        assert running_cloud(paths) is None
        assert stop_cloud(paths)
        assert not psutil.pid_exists(child.pid)
        assert neighbour.poll() is None
        assert not stop_cloud(paths)
    finally:
        neighbour.kill()
        neighbour.wait()


def test_the_facts_of_environments_stay_with_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a server that saved none mean nothing."""
    monkeypatch.setenv("LOCAL_CLOUD_PORT", str(free_port()))
    paths = CloudPaths(tmp_path)
    facts = {"suffix": "main-0a1b2c", "stack": "transaction-main-0a1b2c"}
    write_facts(paths, facts)
    start_cloud(paths)
    try:
        assert not paths.environments.exists()
        write_facts(paths, facts)
    finally:
        stop_cloud(paths)
    assert facts_files(paths)
    try:
        start_cloud(paths)
        assert facts_files(paths)
    finally:
        stop_cloud(paths)


def test_state_of_another_version_is_refused_and_stays(tmp_path: Path) -> None:
    paths = CloudPaths(tmp_path)
    write_version(paths.saved_version, port=4566, ministack="0.1")
    with pytest.raises(CloudError, match=r"saved with ministack 0\.1.*make clean"):
        start_cloud(paths)
    assert paths.saved_version.exists()


def test_another_port_than_that_of_the_saved_state_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Addresses of queues and functions contain it."""
    paths = CloudPaths(tmp_path)
    write_version(paths.saved_version, port=4566)
    monkeypatch.setenv("LOCAL_CLOUD_PORT", "4567")
    with pytest.raises(CloudError, match=r"port 4567 .*addresses with port 4566.*make clean"):
        start_cloud(paths)


def test_a_taken_port_of_the_saved_state_is_an_error_that_offers_no_other_port(
    tmp_path: Path,
) -> None:
    paths = CloudPaths(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        write_version(paths.saved_version, port=port)
        with pytest.raises(
            CloudError, match=rf"port {port} .*taken.*saved state.*make clean"
        ) as caught:
            start_cloud(paths)
    assert "another port" not in str(caught.value)


def test_a_damaged_state_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    paths = CloudPaths(tmp_path)
    write_version(paths.saved_version, port=free_port())
    (paths.saved / "s3.state").write_text("x")
    with pytest.raises(CloudError, match=r"s3\.state is damaged.*make clean"):
        start_cloud(paths)


def test_a_folder_of_a_version_without_saved_state_starts_empty(tmp_path: Path) -> None:
    paths = CloudPaths(tmp_path)
    paths.pipelines.mkdir(parents=True)
    (paths.pipelines / "old.json").write_text(json.dumps(PIPELINE_STACK))
    start_cloud(paths, port=0)
    try:
        assert not paths.pipelines.exists()
    finally:
        stop_cloud(paths)


def test_a_process_that_names_another_file_than_the_servers_own_runs_on(tmp_path: Path) -> None:
    paths = CloudPaths(tmp_path)
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    foreign = [
        subprocess.Popen([*sleeper, name])
        for name in (str(paths.server_log), f"{paths.cloud}-other/x", f"/elsewhere{paths.cloud}/x")
    ]
    own = subprocess.Popen([*sleeper, f"--data={paths.databases}"])
    try:
        assert end_leftovers(paths) == 1
        assert not psutil.pid_exists(own.pid)
        assert [process.poll() for process in foreign] == [None, None, None]
    finally:
        for process in (own, *foreign):
            process.kill()
            process.wait()


def test_the_program_that_runs_the_command_is_not_ended(tmp_path: Path) -> None:
    """A script with a file of the folder on its command line, for instance."""
    paths = CloudPaths(tmp_path)
    inner = (
        "from pathlib import Path; from local_cloud.paths import CloudPaths; "
        "from local_cloud.server import end_leftovers; "
        f"end_leftovers(CloudPaths(Path({str(tmp_path)!r})))"
    )
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}], check=True)"
    done = subprocess.run([sys.executable, "-c", outer, str(paths.databases)], check=False)
    assert done.returncode == 0


def test_a_record_of_the_server_that_was_written_in_part_means_that_none_runs(
    tmp_path: Path,
) -> None:
    paths = CloudPaths(tmp_path)
    paths.server.touch()
    paths.page.touch()
    assert running_cloud(paths) is None
    assert not page_address(paths)
    assert not stop_cloud(paths)


def test_a_second_command_is_refused_while_the_first_holds_the_lock(tmp_path: Path) -> None:
    paths = CloudPaths(tmp_path)
    with (
        exclusive(paths, "up", busy="busy"),
        pytest.raises(CloudError, match="busy"),
        exclusive(paths, "up", busy="busy"),
    ):
        pytest.fail("entered twice")
    with exclusive(paths, "up", busy="busy"):
        pass
