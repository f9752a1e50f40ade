"""What the APIs say of an account with a hub, a trunk and a branch: the answers that AWS gives."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.page.recorded import RecordedAccount

NOW = datetime.now(UTC).replace(microsecond=0)
SUFFIX = "feature-x-1a2b3c"
PIPELINE = f"transaction-pipeline-{SUFFIX}"
RUN, OLDER = "11111111-aaaa-4444-8888-000000000001", "11111111-aaaa-4444-8888-000000000000"
COMMIT = "3f2a9c1d5e7b8a6f4c2d1e0f9a8b7c6d5e4f3a2b"
ENVIRONMENT_STACK = f"transaction-{SUFFIX}"
PIPELINE_STACK = f"DeliveryPipeline-{SUFFIX}"
HUB_STACK = "BranchHub-hub-0a1b2c"
TABLE = "transaction-branches-hub-0a1b2c"
_ARN = "arn:aws:sqs:us-east-1:111111111111"


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def stack(
    name: str, *, tags: dict[str, str], state: str = "CREATE_COMPLETE", **outputs: str
) -> dict[str, Any]:
    return {
        "StackName": name,
        "StackStatus": state,
        "CreationTime": ago(9000),
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
    }


def environment_stack(suffix: str = SUFFIX, *, branch: str = "feature/x") -> dict[str, Any]:
    return stack(
        f"transaction-{suffix}",
        tags={"environment-suffix": suffix, "branch": branch, "application": "x"},
        EnvironmentSuffix=suffix,
        ApiUrl="https://api.example.com",
        ApiDocsUrl="https://api.example.com/docs",
        ApiCertificate="-----BEGIN",
        AuditVerifierName=f"audit-verifier-{suffix}",
        AuditBucketName="audit",
    )


def pipeline_stack(suffix: str = SUFFIX, *, branch: str = "feature/x") -> dict[str, Any]:
    return stack(
        f"DeliveryPipeline-{suffix}", tags={"environment-suffix": suffix, "branch": branch}
    )


def hub_stack() -> dict[str, Any]:
    return stack(HUB_STACK, tags={"branch-hub": "hub-0a1b2c"}, BranchTableName=TABLE)


def stacks(account: RecordedAccount, *found: dict[str, Any]) -> None:
    account.answer("cloudformation.DescribeStacks", {"Stacks": list(found)})


def run(
    execution: str = RUN, *, state: str = "InProgress", began: float = 65, took: float = 60
) -> dict[str, Any]:
    return {
        "pipelineExecutionId": execution,
        "status": state,
        "startTime": ago(began),
        "lastUpdateTime": ago(began - took),
        "trigger": {"triggerType": "Webhook"},
        "sourceRevisions": [
            {"actionName": "Source", "revisionId": COMMIT, "revisionSummary": "Post in batches"}
        ],
    }


def runs(account: RecordedAccount, *found: dict[str, Any]) -> None:
    account.answer(
        "codepipeline.ListPipelineExecutions", {"pipelineExecutionSummaries": list(found)}
    )


def action(
    key: str,
    state: str = "Succeeded",
    *,
    provider: str = "CodeBuild",
    began: float = 60,
    took: float = 5,
    result: dict[str, Any] | None = None,
    configuration: dict[str, str] | None = None,
) -> dict[str, Any]:
    stage, _, name = key.partition(".")
    return {
        "pipelineExecutionId": RUN,
        "stageName": stage,
        "actionName": name,
        "status": state,
        "startTime": ago(began),
        "lastUpdateTime": ago(began - took),
        "input": {
            "actionTypeId": {
                "category": "Build", "owner": "AWS", "provider": provider, "version": "1",
            },
            "resolvedConfiguration": configuration or {},
        },
        "output": {"executionResult": result or {}},
    }  # fmt: skip


def actions(account: RecordedAccount, *newest_first: dict[str, Any]) -> None:
    account.answer(
        "codepipeline.ListActionExecutions", {"actionExecutionDetails": list(newest_first)}
    )


def declared(account: RecordedAccount, *keys: str) -> None:
    """The pipeline has these actions, as `stage.action` or `stage.action:provider`."""
    stages: dict[str, list[dict[str, Any]]] = {}
    for key in keys:
        named, _, provider = key.partition(":")
        stage, _, name = named.partition(".")
        of_stage = stages.setdefault(stage, [])
        of_stage.append(
            {
                "name": name,
                "runOrder": len(of_stage) + 1,
                "actionTypeId": {
                    "category": "Build",
                    "owner": "AWS",
                    "provider": provider or "CodeBuild",
                    "version": "1",
                },
            }
        )
    account.answer(
        "codepipeline.GetPipeline",
        {
            "pipeline": {
                "name": PIPELINE,
                "roleArn": "arn:aws:iam::111111111111:role/pipeline",
                "version": 1,
                "stages": [{"name": s, "actions": found} for s, found in stages.items()],
            }
        },
    )


def record(suffix: str, **attributes: Any) -> dict[str, Any]:
    """An item of the hub's table."""
    return {"suffix": {"S": suffix}} | {
        name: value if isinstance(value, dict) else {"S": value}
        for name, value in attributes.items()
    }


def records(account: RecordedAccount, *items: dict[str, Any]) -> None:
    account.answer("dynamodb.Scan", {"Items": list(items)})


def _resources(request: dict[str, Any]) -> dict[str, Any]:
    name = request["StackName"]
    found: list[tuple[str, str | None]] = []
    if name.startswith("DeliveryPipeline-"):
        suffix = name.removeprefix("DeliveryPipeline-")
        found = [("AWS::CodePipeline::Pipeline", f"transaction-pipeline-{suffix}")]
    elif name == ENVIRONMENT_STACK:
        url = "https://sqs.us-east-1.amazonaws.com/111111111111"
        found = [
            ("AWS::ECS::Cluster", f"transaction-cluster-{SUFFIX}"),
            ("AWS::ECS::Service", f"arn:aws:ecs:::service/c/transaction-service-{SUFFIX}"),
            ("AWS::RDS::DBCluster", f"transaction-db-{SUFFIX}"),
            ("AWS::SQS::Queue", f"{url}/transaction-queue-{SUFFIX}"),
            ("AWS::SQS::Queue", f"{url}/transaction-dead-letters-{SUFFIX}"),
            ("AWS::S3::Bucket", None),  # is being created
        ]
    return {
        "StackResourceSummaries": [
            {
                "LogicalResourceId": f"Resource{number}",
                "ResourceType": kind,
                "ResourceStatus": "CREATE_COMPLETE",
                "LastUpdatedTimestamp": ago(100),
                **({"PhysicalResourceId": physical} if physical else {}),
            }
            for number, (kind, physical) in enumerate(found)
        ]
    }


def delivered(account: RecordedAccount) -> RecordedAccount:
    """A branch whose run is in its build, and whose environment is deployed."""
    stacks(account, hub_stack(), pipeline_stack(), environment_stack())
    account.answer("cloudformation.ListStackResources", _resources)
    records(
        account,
        record(SUFFIX, state="live", branch="feature/x", expires_at="2026-12-10T16:29:51Z"),
        {"suffix": {"S": "quota"}, "members": {"SS": [SUFFIX]}},
    )
    runs(account, run(), run(OLDER, state="Succeeded", began=900, took=100))
    declared(
        account,
        "Source.Source:CodeStarSourceConnection", "Build.Synth",
        "Environment.Deploy:CloudFormation", "Environment.Tests",
    )  # fmt: skip
    actions(
        account,
        action("Build.Synth", "InProgress", began=60),
        action("Source.Source", provider="CodeStarSourceConnection", began=65, took=3),
    )
    account.answer("codepipeline.GetPipelineState", pipeline_state())
    return account


def pipeline_state() -> dict[str, Any]:
    return {
        "pipelineName": PIPELINE,
        "stageStates": [
            {
                "stageName": "Source",
                "latestExecution": {"pipelineExecutionId": RUN, "status": "Succeeded"},
                "actionStates": [
                    {
                        "actionName": "Source",
                        "latestExecution": {"status": "Succeeded", "lastStatusChange": ago(62)},
                    }
                ],
            },
            {
                "stageName": "Build",
                "inboundExecution": {
                    "pipelineExecutionId": "22222222-waits",
                    "status": "InProgress",
                },
                "latestExecution": {"pipelineExecutionId": OLDER, "status": "Failed"},
                "actionStates": [
                    {
                        "actionName": "Synth",
                        "latestExecution": {
                            "status": "Failed",
                            "errorDetails": {"code": "JobFailed", "message": "3 tests failed"},
                        },
                    }
                ],
            },
            {"stageName": "Environment", "actionStates": [{"actionName": "Deploy"}]},
        ],
    }


def environment(account: RecordedAccount) -> RecordedAccount:
    """`delivered`, with every API that an environment's page reads."""
    delivered(account)
    service = {"serviceName": f"transaction-service-{SUFFIX}", "desiredCount": 2}
    account.answer("ecs.DescribeServices", {"services": [service]})
    account.answer("ecs.ListTasks", {"taskArns": [f"arn:aws:ecs:::task/c/{n * 8}" for n in "ab"]})
    account.answer(
        "ecs.DescribeTasks",
        lambda request: {
            "tasks": [
                {
                    "taskArn": arn,
                    "taskDefinitionArn": "arn:aws:ecs:::task-definition/transaction:7",
                    "group": f"service:transaction-service-{SUFFIX}",
                    "availabilityZone": zone,
                    "lastStatus": "RUNNING",
                    "healthStatus": "HEALTHY",
                    "startedAt": ago(500),
                    "containers": [
                        {"networkInterfaces": [{"privateIpv4Address": f"10.0.{zone[-1:]}.1"}]}
                    ],
                }
                for arn, zone in zip(request["tasks"], ("us-east-1b", "us-east-1a"), strict=True)
            ]
        },
    )
    _databases(account)
    _queues(account)
    account.answer(
        "cloudwatch.DescribeAlarms",
        {
            "MetricAlarms": [
                alarm(f"queue-age-{SUFFIX}", "ALARM"),
                alarm(f"errors-{SUFFIX}", "OK"),
                alarm("of-another-environment", "ALARM"),
            ],
            "CompositeAlarms": [],
        },
    )
    log_of_the_verifier(
        account,
        line("START RequestId: 1", 90),
        line('"a string"', 90),
        line({"message": "something else"}, 85),
        line({"message": "audit verified", "transactions": 33, "level": "INFO"}, 80),
    )
    return account


def log_of_the_verifier(account: RecordedAccount, *events: dict[str, Any]) -> None:
    """FilterLogEvents finds lines that contain one of the phrases, in the searched time."""

    def found(request: dict[str, Any]) -> dict[str, Any]:
        phrases = re.findall(r'"([^"]+)"', request["filterPattern"])
        matching = [
            event
            for event in events
            if any(phrase in event["message"] for phrase in phrases)
            and request["startTime"] <= event["timestamp"] < request["endTime"]
        ]
        return {"events": matching}

    account.answer("logs.FilterLogEvents", found)


def alarm(name: str, state: str, **more: Any) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "StateValue": state,
        "StateReason": "Threshold crossed",
        "StateUpdatedTimestamp": ago(120),
        "ActionsEnabled": True,
        **more,
    }


def line(message: str | dict[str, Any], seconds_ago: float) -> dict[str, Any]:
    """An event of a log."""
    text = message if isinstance(message, str) else json.dumps(message)
    return {"timestamp": int(ago(seconds_ago).timestamp() * 1000), "message": text}


def _databases(account: RecordedAccount) -> None:
    name = f"transaction-db-{SUFFIX}"
    first, second = f"transaction-db-first-{SUFFIX}", f"transaction-db-second-{SUFFIX}"
    account.answer(
        "rds.DescribeDBClusters",
        {
            "DBClusters": [
                {
                    "DBClusterIdentifier": name,
                    "Status": "available",
                    "Engine": "aurora-postgresql",
                    "EngineVersion": "15.8",
                    "DBClusterMembers": [
                        {"DBInstanceIdentifier": first, "IsClusterWriter": False},
                        {"DBInstanceIdentifier": second, "IsClusterWriter": True},
                    ],
                }
            ]
        },
    )
    account.answer(
        "rds.DescribeDBInstances",
        {
            "DBInstances": [
                {
                    "DBInstanceIdentifier": instance,
                    "DBClusterIdentifier": name,
                    "DBInstanceStatus": state,
                    "AvailabilityZone": zone,
                    "Endpoint": {"Address": f"{zone}.example.com"},
                }
                for instance, state, zone in (
                    (first, "rebooting", "us-east-1a"),
                    (second, "available", "us-east-1b"),
                )
            ]
        },
    )


def _queues(account: RecordedAccount) -> None:
    def attributes(request: dict[str, Any]) -> dict[str, Any]:
        is_dead = "dead-letters" in request["QueueUrl"]
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": "1" if is_dead else "40",
                "ApproximateNumberOfMessagesNotVisible": "0" if is_dead else "7",
                "ApproximateNumberOfMessagesDelayed": "0" if is_dead else "2",
            }
        }

    account.answer("sqs.GetQueueAttributes", attributes)
    account.answer(
        "cloudwatch.GetMetricData",
        lambda request: {
            "MetricDataResults": [
                {
                    "Id": query["Id"],
                    "Values": [95.0]
                    if "dead" not in json.dumps(query)
                    else [],
                }
                for query in request["MetricDataQueries"]
            ]
        },
    )  # fmt: skip
