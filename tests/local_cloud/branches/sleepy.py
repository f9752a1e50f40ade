"""A small environment with every part that is stopped while it sleeps, by their real names."""

import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pg8000.dbapi

from local_cloud.certificates import LocalAuthority
from tests.local_cloud.branches.cloud import Cloud
from tests.local_cloud.emulator.stack import template

_HANDLER = "def handler(event, context):\n    return {'batchItemFailures': []}\n"


def application(cloud: Cloud, suffix: str) -> dict[str, Any]:
    """The resources of its stack."""
    files = LocalAuthority(cloud.paths.state / "test-authority").issue(
        name=suffix, addresses=["127.0.0.1"]
    )
    certificate = cloud.aws.acm.import_certificate(
        Certificate=files.certificate_file.read_bytes(), PrivateKey=files.key_file.read_bytes()
    )
    resources: dict[str, Any] = template(certificate["CertificateArn"], who="first", tasks_max=4)[
        "Resources"
    ]
    for logical_id, name, value in (
        ("Secret", "Name", f"transaction-db-admin-{suffix}"),
        ("Cluster", "DBClusterIdentifier", f"transaction-db-{suffix}"),
        ("Balancer", "Name", suffix),
        ("Targets", "Name", suffix),
        ("Ecs", "ClusterName", f"transaction-cluster-{suffix}"),
        ("Task", "Family", f"transaction-service-{suffix}"),
        ("Service", "ServiceName", f"transaction-service-{suffix}"),
        ("Errors", "AlarmName", f"server-errors-{suffix}"),
    ):
        resources[logical_id]["Properties"][name] = value
    del resources["Service"]["Properties"]["DeploymentConfiguration"]
    role = f"arn:aws:iam::{'0' * 12}:role/any"
    return {
        **resources,
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"QueueName": f"transaction-queue-{suffix}"},
        },
        "Processor": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": f"transaction-processor-{suffix}",
                "Runtime": "python3.11",
                "Handler": "index.handler",
                "Role": role,
                "Code": {"ZipFile": _HANDLER},
            },
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": {"Ref": "Processor"},
                "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
                "BatchSize": 1,
            },
        },
        "Hourly": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Name": f"audit-verification-{suffix}",
                "ScheduleExpression": "rate(1 hour)",
            },
        },
    }


@dataclass(frozen=True, kw_only=True)
class Sleepy:
    """Observes it through the APIs that AWS has, and uses its database."""

    cloud: Cloud
    suffix: str

    @contextmanager
    def database(self) -> Iterator[Any]:
        aws = self.cloud.aws
        secret = aws.secretsmanager.get_secret_value(SecretId=f"transaction-db-admin-{self.suffix}")
        (cluster,) = self._clusters()
        roots = LocalAuthority(self.cloud.paths.database_authority).certificate_file
        connection = pg8000.dbapi.connect(
            user="root",
            password=json.loads(secret["SecretString"])["password"],
            host=cluster["Endpoint"],
            port=cluster["Port"],
            database="books",
            ssl_context=ssl.create_default_context(cafile=str(roots)),
            timeout=60,
        )
        try:
            yield connection.cursor()
            connection.commit()
        finally:
            connection.close()

    def parts(self) -> dict[str, Any]:
        """The state of every part."""
        aws = self.cloud.aws
        (service,) = aws.ecs.describe_services(
            cluster=f"transaction-cluster-{self.suffix}",
            services=[f"transaction-service-{self.suffix}"],
        )["services"]
        (alarm,) = aws.cloudwatch.describe_alarms(AlarmNames=[f"server-errors-{self.suffix}"])[
            "MetricAlarms"
        ]
        (mapping,) = aws.lambda_.list_event_source_mappings(
            FunctionName=f"transaction-processor-{self.suffix}"
        )["EventSourceMappings"]
        (target,) = aws.client("application-autoscaling").describe_scalable_targets(
            ServiceNamespace="ecs",
            ResourceIds=[
                f"service/transaction-cluster-{self.suffix}/transaction-service-{self.suffix}"
            ],
            ScalableDimension="ecs:service:DesiredCount",
        )["ScalableTargets"]
        return {
            "database": [c["Status"] for c in self._clusters()],
            "servers": self._servers(),
            "tasks": (service["desiredCount"], self._tasks()),
            "alarms": alarm["ActionsEnabled"],
            "queue": mapping["State"],
            "schedule": aws.events.describe_rule(Name=f"audit-verification-{self.suffix}")["State"],
            "scaling": not target["SuspendedState"].get("DynamicScalingOutSuspended", False),
        }

    def _clusters(self) -> list[Any]:
        found = self.cloud.aws.rds.describe_db_clusters(
            DBClusterIdentifier=f"transaction-db-{self.suffix}"
        )
        return list(found["DBClusters"])

    def _servers(self) -> int:
        """The processes of PostgreSQL that run."""
        file = self.cloud.paths.databases / f"transaction-db-{self.suffix}.json"
        return sum(server["pid"] is not None for server in json.loads(file.read_text()))

    def _tasks(self) -> int:
        file = self.cloud.paths.services / f"transaction-service-{self.suffix}.json"
        return sum(task["state"] == "healthy" for task in json.loads(file.read_text()))

    def send(self) -> None:
        url = self._queue_url()
        self.cloud.aws.sqs.send_message(QueueUrl=url, MessageBody=f"sent at {time.time()}")

    def waiting(self) -> int:
        found = self.cloud.aws.sqs.get_queue_attributes(
            QueueUrl=self._queue_url(), AttributeNames=["All"]
        )["Attributes"]
        return int(found["ApproximateNumberOfMessages"]) + int(
            found["ApproximateNumberOfMessagesNotVisible"]
        )

    def _queue_url(self) -> str:
        name = f"transaction-queue-{self.suffix}"
        return str(self.cloud.aws.sqs.get_queue_url(QueueName=name)["QueueUrl"])
