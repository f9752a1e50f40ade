"""The example of docs/messages.md, run as it is written against a queue of the local cloud."""

import json
import re
import subprocess
import sys
import uuid
from pathlib import Path

from lambda_src.transaction_processor.worker import parse_submission
from local_cloud.paths import ROOT
from tests.local_cloud.branches.cloud import Cloud


def test_the_program_of_the_page_sends_a_message_that_the_processor_takes(
    cloud: Cloud, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "messages.md").read_text()
    (program,) = re.findall(r"<<'EOF'\n(.*?)^EOF$", page, re.DOTALL | re.MULTILINE)
    queue = cloud.aws.sqs.create_queue(QueueName=f"page-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    environments = tmp_path / ".local" / "environments"
    environments.mkdir(parents=True)
    facts = {"aws_endpoint_url": cloud.url, "TransactionQueueUrl": queue}
    (environments / "main-f921bd.json").write_text(json.dumps(facts))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    answer = cloud.aws.sqs.receive_message(QueueUrl=queue)
    (message,) = answer["Messages"]
    assert str(parse_submission(message["Body"]).transaction_id) == done.stdout.strip()
