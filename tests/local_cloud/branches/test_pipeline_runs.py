"""Runs of pipelines through CodePipeline's API: start, retry, stop, deletion."""

import contextlib
import json
import uuid
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from local_cloud.pipeline.executions import pipeline_folder
from local_cloud.pipeline.follow import RunVanished, follow_run
from local_cloud.pipeline.progress import Progress
from local_cloud.removal import remove_branch
from tests.local_cloud.branches.cloud import Cloud, eventually
from tests.local_cloud.pipeline.conftest import build, source, stage


class Pipeline:
    """A stack with one pipeline: its branch is built by one project."""

    def __init__(self, cloud: Cloud, *commands: str) -> None:
        self.cloud = cloud
        self.name = f"p-{uuid.uuid4().hex[:8]}"
        self.branch = f"feature/{self.name}"
        self.commit = cloud.push(self.branch)
        cloud.project(self.name, *commands)
        first = source(self.branch, RepositoryName="transaction-pipeline")
        self.template(first, stage("Build", build("Synth", self.name)))

    def template(self, *stages: Any) -> None:
        pipeline = {
            "Type": "AWS::CodePipeline::Pipeline",
            "Properties": {"Name": self.name, "Stages": list(stages)},
        }
        body = json.dumps({"Resources": {"Pipeline": pipeline}})
        self.cloud.aws.cloudformation.create_stack(StackName=self.name, TemplateBody=body)

    def runs(self) -> list[Any]:
        found = self.cloud.aws.codepipeline.list_pipeline_executions(pipelineName=self.name)
        return list(found["pipelineExecutionSummaries"])

    def ended(self, count: int = 1) -> list[Any]:
        """All runs, newest first, once there are `count` and none is in progress."""

        def look() -> list[Any]:
            try:
                runs = self.runs()
            except ClientError:  # not made yet
                return []
            busy = [r for r in runs if r["status"] in {"InProgress", "Stopping"}]
            return runs if len(runs) >= count and not busy else []

        return eventually(look)

    def actions(self, run: str) -> dict[str, Any]:
        found = self.cloud.aws.codepipeline.list_action_executions(
            pipelineName=self.name, filter={"pipelineExecutionId": run}
        )
        return {a["actionName"]: a for a in found["actionExecutionDetails"]}

    def building(self) -> str:
        """The run whose build is in progress."""

        def look() -> str:
            for run in self.runs_or_none():
                action = self.actions(run["pipelineExecutionId"]).get("Synth")
                if action and action["status"] == "InProgress":
                    return str(run["pipelineExecutionId"])
            return ""

        return eventually(look)

    def runs_or_none(self) -> list[Any]:
        try:
            return self.runs()
        except ClientError:
            return []

    def delete(self) -> None:
        self.cloud.aws.cloudformation.delete_stack(StackName=self.name)


def processes_of(run: str) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if run in (p.info["cmdline"] or [])]


@pytest.fixture
def events(cloud: Cloud) -> Iterator[str]:
    """A queue that gets every event of CodePipeline."""
    name = f"events-{uuid.uuid4().hex[:8]}"
    url = cloud.aws.sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = cloud.aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    pattern = json.dumps({"source": ["aws.codepipeline"]})
    cloud.aws.events.put_rule(Name=name, EventPattern=pattern)
    target = arn["Attributes"]["QueueArn"]
    cloud.aws.events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": target}])
    yield url
    cloud.aws.events.remove_targets(Rule=name, Ids=["queue"])
    cloud.aws.events.delete_rule(Name=name)


def test_s7_a_new_pipeline_runs_once_and_again_after_each_push(cloud: Cloud) -> None:
    pipeline = Pipeline(cloud, "true")
    (first,) = pipeline.ended()
    assert first["status"] == "Succeeded"
    assert first["sourceRevisions"][0]["revisionId"] == pipeline.commit
    assert first["trigger"]["triggerType"] == "CreatePipeline"
    commit = cloud.push(pipeline.branch)
    cloud.git.notify_pipelines(cloud.url, branch=pipeline.branch, commit=commit)
    cloud.git.notify_pipelines(cloud.url, branch="feature/another", commit=commit)
    second, _ = pipeline.ended(2)
    assert second["sourceRevisions"][0]["revisionId"] == commit
    assert len(pipeline.runs()) == 2


def test_s7_of_waiting_pushes_only_the_newest_is_delivered(cloud: Cloud) -> None:
    mark = cloud.paths.state / f"mark-{uuid.uuid4().hex}"
    pipeline = Pipeline(cloud, f'until test -e "{mark}"; do sleep 0.05; done')
    pipeline.building()
    for _ in range(2):
        cloud.aws.codepipeline.start_pipeline_execution(name=pipeline.name)
    eventually(lambda: "Superseded" in [run["status"] for run in pipeline.runs()])
    mark.touch()
    states = [run["status"] for run in pipeline.ended(3)]
    assert states == ["Succeeded", "Superseded", "Succeeded"]


def test_s7_the_api_and_an_event_name_the_failed_action(cloud: Cloud, events: str) -> None:
    pipeline = Pipeline(cloud, "exit 7")
    (run,) = pipeline.ended()
    assert run["status"] == "Failed"
    actions = pipeline.actions(run["pipelineExecutionId"])
    assert actions["repo"]["output"]["outputVariables"]["CommitId"] == pipeline.commit
    failed = actions["Synth"]["output"]["executionResult"]["errorDetails"]
    assert "exit code 7" in failed["message"]
    received: list[Any] = []

    def look() -> bool:
        answer = cloud.aws.sqs.receive_message(QueueUrl=events, MaxNumberOfMessages=10)
        received.extend(json.loads(m["Body"]) for m in answer.get("Messages", []))
        return any(d["state"] == "FAILED" and "stage" not in d for d in mine())

    def mine() -> list[Any]:
        return [e["detail"] for e in received if e["detail"]["pipeline"] == pipeline.name]

    eventually(look)
    assert [
        (d["stage"], d["action"]) for d in mine() if d["state"] == "FAILED" and "stage" in d
    ] == [("Build", "Synth")]
    assert {d["execution-id"] for d in mine()} == {run["pipelineExecutionId"]}


def test_s7_a_retry_skips_the_succeeded_actions(cloud: Cloud) -> None:
    mark = cloud.paths.state / f"mark-{uuid.uuid4().hex}"
    pipeline = Pipeline(cloud, f'test -e "{mark}"')
    (run,) = pipeline.ended()
    before = pipeline.actions(run["pipelineExecutionId"])
    mark.touch()
    cloud.aws.codepipeline.retry_stage_execution(
        pipelineName=pipeline.name,
        stageName="Build",
        pipelineExecutionId=run["pipelineExecutionId"],
        retryMode="FAILED_ACTIONS",
    )
    (again,) = pipeline.ended()
    assert again["pipelineExecutionId"] == run["pipelineExecutionId"]
    assert again["status"] == "Succeeded"
    after = pipeline.actions(run["pipelineExecutionId"])
    assert after["repo"]["startTime"] == before["repo"]["startTime"]
    assert after["Synth"]["startTime"] > before["Synth"]["startTime"]


def test_s7_only_the_newest_run_can_be_retried(cloud: Cloud) -> None:
    pipeline = Pipeline(cloud, "exit 1")
    (first,) = pipeline.ended()
    cloud.aws.codepipeline.start_pipeline_execution(name=pipeline.name)
    pipeline.ended(2)
    with pytest.raises(ClientError, match=r"StageNotRetryable.* is newer"):
        cloud.aws.codepipeline.retry_stage_execution(
            pipelineName=pipeline.name,
            stageName="Build",
            pipelineExecutionId=first["pipelineExecutionId"],
            retryMode="FAILED_ACTIONS",
        )


def test_s8_a_run_can_be_stopped(cloud: Cloud) -> None:
    pipeline = Pipeline(cloud, "sleep 600")
    run = pipeline.building()
    cloud.aws.codepipeline.stop_pipeline_execution(
        pipelineName=pipeline.name, pipelineExecutionId=run, abandon=False, reason="by mistake"
    )
    (stopped,) = pipeline.ended()
    assert stopped["status"] == "Stopped"
    assert stopped["statusSummary"] == "stopped by request: by mistake"
    with pytest.raises(ClientError, match="NotStoppable"):
        cloud.aws.codepipeline.stop_pipeline_execution(
            pipelineName=pipeline.name, pipelineExecutionId=run, abandon=True
        )


def test_s8_a_run_is_stopped_before_its_stacks_are_removed(cloud: Cloud) -> None:
    """The stack of this pipeline is not an environment, so it stays."""
    pipeline = Pipeline(cloud, "sleep 600")
    pipeline.building()
    remove_branch(cloud.paths, cloud.running, branch=pipeline.branch)
    (stopped,) = pipeline.runs()
    assert stopped["status"] == "Stopped"
    reason = f"stopped by request: branch {pipeline.branch} is being deleted"
    assert stopped["statusSummary"] == reason


def test_s8_deleting_a_pipeline_ends_its_runs_and_their_followers(
    cloud: Cloud,
) -> None:
    pipeline = Pipeline(cloud, "sleep 600")
    run = pipeline.building()
    pipeline.delete()
    # The follower reads the stop, or the record is deleted before.
    with contextlib.suppress(RunVanished):
        result = follow_run(cloud.paths.state, pipeline.name, run, Progress(live=False))
        assert result.status == "Stopped"
    eventually(lambda: not processes_of(run))
    eventually(lambda: not pipeline_folder(cloud.paths.state, pipeline.name).exists())
    eventually(lambda: not (cloud.paths.pipelines / f"{pipeline.name}.json").exists())
    with pytest.raises(ClientError, match="PipelineNotFound"):
        pipeline.runs()


def test_s7_a_follower_shows_the_run_of_another_process_to_its_end(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = cloud.paths.state / f"mark-{uuid.uuid4().hex}"
    pipeline = Pipeline(cloud, f'until test -e "{mark}"; do sleep 0.05; done; exit 9')
    run = pipeline.building()

    class Following(Progress):
        """The build ends when it is seen."""

        def action_does(self, stage: str, action: str, text: str) -> None:
            super().action_does(stage, action, text)
            if action == "Synth":
                mark.touch()

    result = follow_run(cloud.paths.state, pipeline.name, run, Following(live=False))
    assert not result.succeeded
    said = capsys.readouterr().out
    for text in ("Source > Build", "Build/Synth  Failed", "exit code 9", f"{pipeline.name} Failed"):
        assert text in said


def test_b8_the_api_tells_a_pipelines_definition_and_where_its_run_is(cloud: Cloud) -> None:
    pipeline = Pipeline(cloud, "echo built; exit 3")
    (run,) = pipeline.ended()
    stages = cloud.aws.codepipeline.get_pipeline(name=pipeline.name)["pipeline"]["stages"]
    assert [(s["name"], [a["name"] for a in s["actions"]]) for s in stages] == [
        ("Source", ["repo"]),
        ("Build", ["Synth"]),
    ]
    states = cloud.aws.codepipeline.get_pipeline_state(name=pipeline.name)["stageStates"]
    assert [(s["stageName"], s["latestExecution"]["status"]) for s in states] == [
        ("Source", "Succeeded"),
        ("Build", "Failed"),
    ]
    (synth,) = states[1]["actionStates"]
    assert "exit code 3" in synth["latestExecution"]["errorDetails"]["message"]
    (revision,) = run["sourceRevisions"]
    assert revision["revisionId"] == pipeline.commit
    assert revision["revisionSummary"], "the first line of the commit's message"
