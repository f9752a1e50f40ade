"""StartBuild runs the project's buildspec on its own source, alone and from state machines."""

import json
import uuid
from typing import Any

import psutil

from tests.local_cloud.branches.cloud import ROLE, Cloud, eventually

SOURCE = {"type": "GITHUB", "location": "https://github.com/local/transaction-pipeline.git"}


def name() -> str:
    return f"project-{uuid.uuid4().hex[:8]}"


def ended(cloud: Cloud, build_id: str) -> Any:
    def look() -> Any:
        build = cloud.aws.codebuild.batch_get_builds(ids=[build_id])["builds"][0]
        return build if build["buildStatus"] != "IN_PROGRESS" else None

    return eventually(look)


def start(cloud: Cloud, project: str, **more: Any) -> str:
    return cloud.aws.codebuild.start_build(projectName=project, **more)["build"]["id"]


def execution(cloud: Cloud, resource: str, parameters: dict[str, Any]) -> Any:
    state = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}
    machine = cloud.aws.stepfunctions.create_state_machine(
        name=name(),
        definition=json.dumps({"StartAt": "Build", "States": {"Build": state}}),
        roleArn=ROLE,
    )["stateMachineArn"]
    started = cloud.aws.stepfunctions.start_execution(stateMachineArn=machine)["executionArn"]

    def look() -> Any:
        found = cloud.aws.stepfunctions.describe_execution(executionArn=started)
        return found if found["status"] != "RUNNING" else None

    return eventually(look)


def test_s8_a_build_runs_on_the_branch_it_was_started_for(cloud: Cloud) -> None:
    commit = cloud.push("feature/built", change="of the branch")
    cloud.push("main", change="of the trunk")
    project = name()
    cloud.project(project, 'grep "of the branch" change', 'test "$BRANCH" = "a b"', source=SOURCE)
    variables: Any = [{"name": "BRANCH", "value": "a b"}]
    build = ended(
        cloud,
        start(
            cloud,
            project,
            sourceVersion="refs/heads/feature/built",
            environmentVariablesOverride=variables,
        ),
    )
    assert build["buildStatus"] == "SUCCEEDED", build["phases"]
    assert build["resolvedSourceVersion"] == commit


def test_s8_a_build_of_a_deleted_branch_fails(cloud: Cloud) -> None:
    project = name()
    cloud.project(project, "true", source=SOURCE)
    build = ended(cloud, start(cloud, project, sourceVersion="refs/heads/gone"))
    assert build["buildStatus"] == "FAILED"
    assert "DOWNLOAD_SOURCE" in json.dumps(build["phases"], default=str)


def test_a_stopped_build_leaves_no_process_and_stays_stopped(cloud: Cloud) -> None:
    project, mark = name(), f"3{uuid.uuid4().int % 10**9}"

    def sleeping() -> list[psutil.Process]:
        return [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", mark]]

    cloud.project(project, f"sleep {mark}")
    build_id = start(cloud, project)
    eventually(sleeping)
    cloud.aws.codebuild.stop_build(id=build_id)
    eventually(lambda: not sleeping())
    assert ended(cloud, build_id)["buildStatus"] == "STOPPED"


def test_stopping_an_ended_build_changes_nothing(cloud: Cloud) -> None:
    project = name()
    cloud.project(project, "true")
    build_id = start(cloud, project)
    ended(cloud, build_id)
    cloud.aws.codebuild.stop_build(id=build_id)
    assert ended(cloud, build_id)["buildStatus"] == "SUCCEEDED"


def test_s8_a_state_machine_waits_for_its_build_and_gets_its_record(cloud: Cloud) -> None:
    project = name()
    cloud.project(project, 'test "$WHO" = me')
    found = execution(
        cloud,
        "arn:aws:states:::codebuild:startBuild.sync",
        {
            "ProjectName": project,
            "EnvironmentVariablesOverride": [{"Name": "WHO", "Value": "me", "Type": "PLAINTEXT"}],
        },
    )
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"])["Build"]["BuildStatus"] == "SUCCEEDED"


def test_s8_a_failed_build_fails_its_state_with_the_build_as_cause(cloud: Cloud) -> None:
    project = name()
    cloud.project(project, "exit 3")
    found = execution(cloud, "arn:aws:states:::codebuild:startBuild.sync", {"ProjectName": project})
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(found["cause"])
    assert (cause["ProjectName"], cause["BuildStatus"]) == (project, "FAILED")
    assert "exit code 3" in found["cause"]


def test_a_state_machine_fails_for_a_missing_project(cloud: Cloud) -> None:
    found = execution(cloud, "arn:aws:states:::codebuild:startBuild", {"ProjectName": "none"})
    assert found["status"] == "FAILED"
    assert "ResourceNotFoundException" in found["error"]
