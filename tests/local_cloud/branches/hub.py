"""The real branch hub in the test's cloud, with a stub of `cdk deploy`.

The hub's template, functions and state machines are the real ones. The repository is a stub: its
`make setup` installs an `npx` that creates two small stacks with the names and tags of a branch.
"""

import json
import os
import shlex
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from local_cloud.announcing import Announced, announce
from local_cloud.aws import ACCOUNT, REGION
from local_cloud.branch_hub import webhook
from local_cloud.branch_hub.deployed import Hub
from local_cloud.branch_hub.machine_run import MachineResult, follow_machine, started_for
from local_cloud.git_host import GITHUB_PATH
from local_cloud.paths import ROOT
from local_cloud.removal import remains
from tests.local_cloud.branches.cloud import Cloud, eventually
from tests.local_cloud.pipeline.conftest import build, source, stage

QUOTA = 7
REPOSITORY = "local/transaction-pipeline"
_ASSETS = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
_MAKEFILE = "setup:\n\t@mkdir -p .venv/bin && cp npx npx.py .venv/bin && chmod +x .venv/bin/npx\n"
_NPX = Path(__file__).with_name("stub_npx.py")


@dataclass(frozen=True, kw_only=True)
class Branches:
    """Pushes and deletes branches, and observes the hub and its environments."""

    cloud: Cloud
    hub: Hub

    # -- actions ----------------------------------------------------------------------------------

    def push(self, branch: str, *, files: dict[str, Any] | None = None) -> str:
        """Push without an event; `files` are templates: pipeline.json, application.json."""
        self.write(files or {})
        return self.cloud.push(branch)

    def write(self, files: dict[str, Any]) -> None:
        for name in ("pipeline.json", "application.json"):
            content = files.get(name, {"Queue": _queue(name.partition(".")[0])})
            (self.cloud.checkout / name).write_text(json.dumps({"Resources": content}))

    def send_event(self, push: webhook.Push) -> Announced:
        """Send the signed webhook, as the git host's hook does."""
        announced = announce(self.cloud.git, self.cloud.url, self.hub, push)
        assert announced is not None
        assert not announced.problem
        return announced

    def create(self, branch: str, *, files: dict[str, Any] | None = None) -> MachineResult:
        commit = self.push(branch, files=files)
        return self.created(self.send_event(webhook.pushed(branch, commit=commit)))

    def created(self, push: Announced) -> MachineResult:
        return self._ended(self.hub.create_machine, push)

    def delete(self, branch: str) -> MachineResult:
        self.cloud.drop(branch)
        return self.deleted(self.send_event(webhook.deleted(branch)))

    def deleted(self, push: Announced) -> MachineResult:
        return self._ended(self.hub.destroy_machine, push)

    def _ended(self, machine: str, push: Announced) -> MachineResult:
        arn = started_for(self.hub.aws, machine, branch=push.branch, since=push.sent_at)
        return follow_machine(self.hub.aws, arn, report=print)

    def send(self, delivery: webhook.Delivery) -> tuple[int, str]:
        request = urllib.request.Request(
            self.hub.webhook_url, data=delivery.body, headers=delivery.headers, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def reconcile(self, *, apply: bool) -> dict[str, str]:
        """The planned action of each suffix."""
        answer = self.hub.aws.lambda_.invoke(
            FunctionName=self.hub.outputs["ReconcilerFunctionName"],
            Payload=json.dumps({"apply": apply}).encode(),
        )
        plan = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, plan
        return {step["suffix"]: step["action"] for step in plan["plan"]}

    # -- state ------------------------------------------------------------------------------------

    def executions(self, branch: str, machine: str) -> list[dict[str, Any]]:
        """All executions of `machine` for `branch`, newest first."""
        found = []
        listed = self.hub.aws.stepfunctions.list_executions(stateMachineArn=machine)
        for execution in listed["executions"]:
            arn = execution["executionArn"]
            whole: Any = self.hub.aws.stepfunctions.describe_execution(executionArn=arn)
            if json.loads(whole["input"]).get("branch") == branch:
                found.append(whole)
        return found

    def steps(self, result: MachineResult) -> list[str]:
        return self.steps_of(result.execution)

    def steps_of(self, execution: str) -> list[str]:
        """The names of the states that were entered, in order."""
        pages = self.hub.aws.stepfunctions.get_paginator("get_execution_history")
        return [
            event["stateEnteredEventDetails"]["name"]
            for page in pages.paginate(executionArn=execution)
            for event in page["events"]
            if event["type"].endswith("StateEntered")
        ]

    def alive(self) -> list[str]:
        """The branches that have an environment, the oldest first."""
        records = [r for r in self.hub.environments() if r["state"] == "live"]
        return [r["branch"] for r in sorted(records, key=lambda r: r["created_at"])]

    def settled(self, branch: str) -> None:
        """Wait until no execution is in progress for the branch."""
        machines = (self.hub.create_machine, self.hub.destroy_machine)
        eventually(lambda: not any(self._is_busy(branch, machine) for machine in machines))

    def _is_busy(self, branch: str, machine: str) -> bool:
        stepfunctions = self.hub.aws.stepfunctions
        running = stepfunctions.list_executions(stateMachineArn=machine, statusFilter="RUNNING")
        for execution in running["executions"]:
            whole = stepfunctions.describe_execution(executionArn=execution["executionArn"])
            if json.loads(whole["input"]).get("branch") == branch:
                return True
        return False

    def record(self, suffix: str) -> dict[str, str]:
        """The hub's record; empty when there is none."""
        return next((r for r in self.hub.environments() if r["suffix"] == suffix), {})

    def remains(self, suffix: str) -> list[str]:
        return remains(self.hub.aws, suffix)

    def expire(self, suffix: str) -> None:
        past = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.hub.aws.dynamodb.update_item(
            TableName=self.hub.outputs["BranchTableName"],
            Key={"suffix": {"S": suffix}},
            UpdateExpression="SET expires_at = :past",
            ExpressionAttributeValues={":past": {"S": past}},
        )


def deploy_hub(cloud: Cloud, folder: Path) -> Hub:
    """Synthesize the product's hub, publish its files and create its stack, without Node."""
    write_stubs(cloud)
    assembly = folder / "cdk.out"
    _synthesize(cloud, assembly)
    aws = cloud.aws
    aws.s3.create_bucket(Bucket=_ASSETS)
    (assets,) = assembly.glob("BranchHub-*.assets.json")
    for file in json.loads(assets.read_text())["files"].values():
        path = assembly / file["source"]["path"]
        body = _zipped(path) if file["source"]["packaging"] == "zip" else path.read_bytes()
        (destination,) = file["destinations"].values()
        aws.s3.put_object(Bucket=_ASSETS, Key=destination["objectKey"], Body=body)
    stack = assets.name.removesuffix(".assets.json")
    manifest = json.loads((assembly / "manifest.json").read_text())
    tags: Any = [
        {"Key": key, "Value": value}
        for key, value in manifest["artifacts"][stack]["properties"]["tags"].items()
    ]
    template: Any = json.loads((assembly / f"{stack}.template.json").read_text())
    # They check that the account is bootstrapped.
    del template["Parameters"]["BootstrapVersion"]
    del template["Rules"]
    aws.s3.put_object(Bucket=_ASSETS, Key="hub.json", Body=json.dumps(template))
    aws.cloudformation.create_stack(
        StackName=stack, TemplateURL=f"{cloud.url}/{_ASSETS}/hub.json", Tags=tags,
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )  # fmt: skip
    aws.cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 300}
    )
    outputs = aws.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    return Hub(outputs={o["OutputKey"]: o["OutputValue"] for o in outputs}, aws=aws)


def write_stubs(cloud: Cloud) -> None:
    (cloud.checkout / "Makefile").write_text(_MAKEFILE)
    stub = _NPX.read_text().replace("@ROOT@", str(ROOT))
    stub = stub.replace("@ACCOUNT@", ACCOUNT).replace("@REGION@", REGION)
    (cloud.checkout / "npx.py").write_text(stub)
    # Through a shell: the first line of a program may not hold a path with a space.
    python = shlex.quote(sys.executable)
    start = f'#!/bin/sh\nexec {python} -IS "$(dirname "$0")/npx.py" "$@"\n'
    (cloud.checkout / "npx").write_text(start)


def _synthesize(cloud: Cloud, assembly: Path) -> None:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    source = {
        "kind": "github",
        "repository": REPOSITORY,
        "connectionArn": f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/local",
        "apiUrl": f"{cloud.url}{GITHUB_PATH}",
    }
    overrides = {"hub": "only", "account": ACCOUNT, "source": source, "branches": {"quota": QUOTA}}
    subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "CDK_OUTDIR": str(assembly),
            "CDK_CONTEXT_JSON": json.dumps({**context, **overrides}),
        },
        check=True,
        capture_output=True,
    )


def _zipped(folder: Path) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return buffer.getvalue()


def _queue(what: str) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{what}-@SUFFIX@"}}


def pipeline_template(branch: str, command: str) -> dict[str, Any]:
    """The resources of the branch's pipeline; its build runs `command`."""
    spec = {"version": "0.2", "phases": {"build": {"commands": [command]}}}
    project = {
        "Name": "build-@SUFFIX@",
        "Source": {"Type": "CODEPIPELINE", "BuildSpec": json.dumps(spec)},
        "Artifacts": {"Type": "CODEPIPELINE"},
        "Environment": {"Type": "LINUX_CONTAINER", "Image": "i", "ComputeType": "c"},
        "ServiceRole": "r",
    }
    pipeline = {
        "Name": "transaction-pipeline-@SUFFIX@",
        "Stages": [
            source(branch, RepositoryName="transaction-pipeline"),
            stage("Build", build("Synth", "build-@SUFFIX@")),
        ],
    }
    return {
        "Project": {"Type": "AWS::CodeBuild::Project", "Properties": project},
        "Pipeline": {
            "Type": "AWS::CodePipeline::Pipeline",
            "Properties": pipeline,
            "DependsOn": ["Project"],
        },
    }
