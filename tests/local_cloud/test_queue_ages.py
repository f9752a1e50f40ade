"""B8: the age of a queue's oldest message is a metric, as on AWS."""

import time
from datetime import UTC, datetime, timedelta

from local_cloud.aws import AwsClients


def _ages(aws: AwsClients, queue: str) -> list[float]:
    """Newest first."""
    now = datetime.now(UTC)
    found = aws.cloudwatch.get_metric_data(
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=1),
        ScanBy="TimestampDescending",
        MetricDataQueries=[
            {
                "Id": "age",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/SQS",
                        "MetricName": "ApproximateAgeOfOldestMessage",
                        "Dimensions": [{"Name": "QueueName", "Value": queue}],
                    },
                    "Period": 60,
                    "Stat": "Maximum",
                },
            }
        ],
    )
    return found["MetricDataResults"][0]["Values"]


def test_b8_a_waiting_message_grows_old(shared_aws: AwsClients) -> None:
    queue = shared_aws.sqs.create_queue(QueueName="grows-old")["QueueUrl"]
    shared_aws.sqs.send_message(QueueUrl=queue, MessageBody="waits")
    deadline = time.monotonic() + 300
    while not any(age >= 2 for age in _ages(shared_aws, "grows-old")):
        assert time.monotonic() < deadline, "the queue has no age"
        time.sleep(0.5)
