"""The example of docs/messages.md, run as it is written against a queue of the local cloud."""

import json
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from lambda_src.transaction_processor.worker import parse_transaction
from local_cloud.paths import ROOT
from tests.local_cloud.branches.cloud import Cloud


def write_facts(checkout: Path, suffix: str, **facts: str) -> None:
    environments = checkout / ".local" / "environments"
    environments.mkdir(parents=True, exist_ok=True)
    (environments / f"{suffix}.json").write_text(json.dumps(facts))


def run_program(checkout: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    page = (ROOT / "docs" / "messages.md").read_text()
    (program,) = re.findall(r"<<'PY'\n(.*?)^PY$", page, re.DOTALL | re.MULTILINE)
    without_suffix = {name: value for name, value in os.environ.items() if name != "SUFFIX"}
    return subprocess.run(
        [sys.executable, "-"],
        input=program,
        cwd=checkout,
        env={**without_suffix, **variables},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("others", [[], ["feature-x-5femoa"]], ids=["alone", "of several"])
def test_the_program_of_the_page_sends_a_message_that_the_processor_accepts(
    cloud: Cloud, tmp_path: Path, others: list[str]
) -> None:
    queue = cloud.aws.sqs.create_queue(QueueName=f"page-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    write_facts(tmp_path, "main-v4grq1", aws_endpoint_url=cloud.url, TransactionQueueUrl=str(queue))
    for other in others:
        write_facts(tmp_path, other)

    done = run_program(tmp_path, **({"SUFFIX": "main-v4grq1"} if others else {}))

    assert done.returncode == 0, done.stderr
    answer = cloud.aws.sqs.receive_message(QueueUrl=queue)
    (message,) = answer["Messages"]
    assert str(parse_transaction(message["Body"]).transaction_id) == done.stdout.strip()


@pytest.mark.parametrize("variables", [{}, {"SUFFIX": "gone-123456"}], ids=["missing", "unknown"])
def test_the_program_does_not_choose_among_environments(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    """As `make session`, which requires SUFFIX then."""
    write_facts(tmp_path, "main-v4grq1")
    write_facts(tmp_path, "feature-x-5femoa")

    done = run_program(tmp_path, **variables)

    assert done.returncode == 1
    assert done.stderr.strip().endswith(": feature-x-5femoa, main-v4grq1")
