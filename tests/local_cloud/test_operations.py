"""Programs of `operations/` that ask the local cloud alone, unless AWS=yes is given."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local_cloud.__main__ import main
from local_cloud.aws import AwsClients
from local_cloud.operations import OPERATIONS
from local_cloud.paths import ROOT, CloudPaths
from local_cloud.server import start_cloud, stop_cloud


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local_cloud", *words],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", OPERATIONS)
def test_s68_without_a_local_cloud_it_says_how_to_ask_aws(
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("LOCAL_STATE", str(tmp_path))

    assert main([command]) == 1

    assert capsys.readouterr().err == (
        f"error: no local cloud runs for {tmp_path}: start it with `make up`, or add AWS=yes to "
        "ask AWS\n"
    )


def test_an_option_that_nothing_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["status", "--queue", "audit"])

    assert "unrecognized arguments: --queue audit" in capsys.readouterr().err


def test_s43_the_local_cloud_is_asked_whatever_account_the_variables_name(tmp_path: Path) -> None:
    """Also where a profile, a file or one service has an address or credentials of its own."""
    config = tmp_path / "config"
    config.write_text("[profile work]\nendpoint_url = http://127.0.0.1:9\n")
    paths = CloudPaths(tmp_path / "state")
    variables = {
        "LOCAL_STATE": str(paths.state),
        "AWS_PROFILE": "work",
        "AWS_CONFIG_FILE": str(config),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9",
        "AWS_SESSION_TOKEN": "of an account",
    }
    try:
        aws = AwsClients(start_cloud(paths).endpoint_url)
        assert "error: there is no environment: `make up`" in run("redrive", **variables).stderr
        deploy_environment(aws)

        done = run("redrive", "--queue", "audit", "--reason", "", "--answer", "yes", **variables)
        shown = run("dead-letters", "--queue", "audit", **variables)
        reconciled = run("reconcile", "--hub", "hub-none", **variables)
    finally:
        stop_cloud(paths)

    assert (done.returncode, done.stderr) == (0, "")
    assert "0 dead letters in audit-dead-letters-dev" in done.stdout
    assert shown.stdout == "0 dead letters in audit-dead-letters-dev\n"
    assert "there is no branch hub hub-none here" in reconciled.stderr
    assert reconciled.returncode == 1


def deploy_environment(aws: AwsClients) -> None:
    """As far as a command finds it: by an output of its stack."""
    for name in ("audit-queue-dev", "audit-dead-letters-dev"):
        aws.sqs.create_queue(QueueName=name)
    aws.cloudformation.create_stack(StackName="transaction-dev", TemplateBody=TEMPLATE)
    aws.cloudformation.get_waiter("stack_create_complete").wait(
        StackName="transaction-dev", WaiterConfig={"Delay": 1}
    )


TEMPLATE = """{
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    "Outputs": {"EnvironmentSuffix": {"Value": "dev"}}
}"""
