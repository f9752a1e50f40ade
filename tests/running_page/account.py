"""An account with two branches, one run, and an environment that has something to show."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from infra.queue_names import AUDIT, TRANSACTIONS
from page.settings import PageSettings
from tests.page.answers import AnsweringAccount, Answers

BRANCH: Final = "main"
SUFFIX: Final = "main-v4grq1"
OTHER_BRANCH: Final = "feature/a-long-name-of-a-branch"
OTHER_SUFFIX: Final = "feature-a-0a1b2c"
PIPELINE: Final = f"transaction-pipeline-{SUFFIX}"
OTHER_PIPELINE: Final = f"transaction-pipeline-{OTHER_SUFFIX}"
RUN: Final = "5f0c5b4e-1111-4222-8333-444455556666"
COMMIT: Final = "3f2a9c1d5e6b7a8091a2b3c4d5e6f708192a3b4c"
MESSAGE: Final = (
    "BROADER PERMISSIONS (1 changes): + sqs:SendMessage on "
    "arn:aws:sqs:us-east-1:000000000000:transaction-queue-production"
)
GATE: Final = "ProductionApproval"
STAGES: Final = {
    "Source": ("Source", "CodeStarSourceConnection"),
    "Build": ("Synth", "CodeBuild"),
    GATE: ("Approval", "Manual"),
    "Production": ("Deploy", "CloudFormation"),
}
_STARTED: Final = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)


def _minutes(count: float) -> datetime:
    return _STARTED + timedelta(minutes=count)


@dataclass(kw_only=True)
class World:
    """What the APIs answer. `done` is how many stages of the run have succeeded."""

    done: int = 2
    asks: bool = True  # whether the run waits at the approval
    sleeping: str = ""  # since when the other branch sleeps

    def account(self, settings: PageSettings) -> AnsweringAccount:
        return AnsweringAccount(
            settings,
            cloudformation=Answers(
                describe_stacks=self._stacks, list_stack_resources=self._resources
            ),
            cloudwatch=Answers(get_metric_data=self._ages, describe_alarms=self._alarms),
            codebuild=Answers(batch_get_builds={"builds": []}),
            codepipeline=Answers(
                list_pipeline_executions=self._runs,
                list_action_executions=self._actions,
                get_pipeline=self._pipeline,
                get_pipeline_state=self._state,
            ),
            dynamodb=Answers(scan=self._records),
            ecs=Answers(
                describe_services={"services": [{"desiredCount": 2}]},
                list_tasks={"taskArns": ["arn:a/0a1b2c3d", "arn:a/4e5f6071"]},
                describe_tasks=self._tasks,
            ),
            logs=Answers(describe_log_streams=_STREAMS, get_log_events=_LOG),
            rds=Answers(describe_db_clusters=_CLUSTERS, describe_db_instances=_INSTANCES),
            sqs=Answers(
                get_queue_attributes=self._counts,
                get_queue_url=lambda QueueName: {"QueueUrl": _url(QueueName)},  # noqa: N803
                receive_message={"Messages": []},
            ),
        )

    @property
    def is_over(self) -> bool:
        return self.done == len(STAGES)

    def _stacks(self, **_: Any) -> dict[str, Any]:
        verifier = {"OutputKey": "AuditVerifierName", "OutputValue": f"audit-verifier-{SUFFIX}"}
        api = {"OutputKey": "ApiUrl", "OutputValue": "https://127.157.199.71:8443"}
        return {
            "Stacks": [
                _stack(f"DeliveryPipeline-{SUFFIX}", SUFFIX, BRANCH),
                _stack(f"transaction-{SUFFIX}", SUFFIX, BRANCH, outputs=[api, verifier]),
                _stack(f"DeliveryPipeline-{OTHER_SUFFIX}", OTHER_SUFFIX, OTHER_BRANCH),
                _stack(f"transaction-{OTHER_SUFFIX}", OTHER_SUFFIX, OTHER_BRANCH),
                {
                    "StackName": "BranchHub",
                    "StackStatus": "CREATE_COMPLETE",
                    "Tags": [{"Key": "branch-hub", "Value": "hub-0a1b2c"}],
                    "Outputs": [{"OutputKey": "BranchTableName", "OutputValue": "branches"}],
                },
            ]
        }

    def _resources(self, **asked: str) -> dict[str, Any]:
        kind, _, suffix = asked["StackName"].partition("-")
        if kind == "DeliveryPipeline":
            found = {"AWS::CodePipeline::Pipeline": [f"transaction-pipeline-{suffix}"]}
        else:
            queues = (TRANSACTIONS.queue, TRANSACTIONS.dead_letters, AUDIT.queue)
            found = {
                "AWS::ECS::Cluster": ["cluster"],
                "AWS::ECS::Service": ["service"],
                "AWS::RDS::DBCluster": ["ledger"],
                "AWS::SQS::Queue": [_url(f"{base}-{suffix}") for base in queues],
            }
        return {
            "StackResourceSummaries": [
                {"ResourceType": kind, "PhysicalResourceId": name}
                for kind, names in found.items()
                for name in names
            ]
        }

    def _records(self, **_: Any) -> dict[str, Any]:
        record: dict[str, Any] = {
            "suffix": {"S": OTHER_SUFFIX},
            "branch": {"S": OTHER_BRANCH},
            "state": {"S": "live"},
            "expires_at": {"S": "2026-12-10T08:00:00+00:00"},
        }
        if self.sleeping:
            record |= {"sleeping": {"M": {"since": {"S": self.sleeping}}}}
        return {"Items": [record]}

    def _runs(self, **asked: Any) -> dict[str, Any]:
        if asked["pipelineName"] != PIPELINE:
            return {"pipelineExecutionSummaries": []}
        return {
            "pipelineExecutionSummaries": [
                {
                    "pipelineExecutionId": RUN,
                    "status": "Succeeded" if self.is_over else "InProgress",
                    "sourceRevisions": [
                        {"revisionId": COMMIT, "revisionSummary": "Accounts can be closed"}
                    ],
                    "trigger": {"triggerType": "WebhookV2"},
                    "startTime": _STARTED,
                    "lastUpdateTime": _minutes(9),
                }
            ]
        }

    def _actions(self, **_: Any) -> dict[str, Any]:
        begun = list(STAGES.items())[: self.done + 1]
        return {
            "actionExecutionDetails": [
                {
                    "pipelineExecutionId": RUN,
                    "stageName": stage,
                    "actionName": action,
                    "status": "Succeeded" if number < self.done else "InProgress",
                    "startTime": _minutes(number),
                    "lastUpdateTime": _minutes(number + 0.9),
                    "input": {
                        "actionTypeId": {"provider": provider},
                        "resolvedConfiguration": {"CustomData": MESSAGE},
                    },
                    "output": {"executionResult": {}},
                }
                for number, (stage, (action, provider)) in reversed(list(enumerate(begun)))
            ]
        }

    def _pipeline(self, **_: Any) -> dict[str, Any]:
        stages = [
            {
                "name": stage,
                "actions": [{"name": action, "actionTypeId": {"provider": provider}}],
            }
            for stage, (action, provider) in STAGES.items()
        ]
        return {"pipeline": {"stages": stages}}

    def _state(self, **asked: Any) -> dict[str, Any]:
        if asked["name"] != PIPELINE:
            return {"stageStates": []}
        states: list[dict[str, Any]] = []
        for number, (stage, (action, _)) in enumerate(STAGES.items()):
            if number > self.done:
                states.append({"stageName": stage, "actionStates": [{"actionName": action}]})
                continue
            status = "Succeeded" if number < self.done else "InProgress"
            latest: dict[str, Any] = {"status": status, "lastStatusChange": _minutes(number)}
            if stage == GATE and status == "InProgress" and self.asks:
                latest["token"] = RUN
            states.append(
                {
                    "stageName": stage,
                    "latestExecution": {"pipelineExecutionId": RUN, "status": status},
                    "actionStates": [{"actionName": action, "latestExecution": latest}],
                }
            )
        return {"stageStates": states}

    def _tasks(self, **_: Any) -> dict[str, Any]:
        return {
            "tasks": [
                {
                    "taskArn": f"arn:a/{name}",
                    "group": "service:ledger",
                    "availabilityZone": zone,
                    "lastStatus": "RUNNING",
                    "healthStatus": "HEALTHY",
                    "taskDefinitionArn": "arn:ledger:7",
                    "startedAt": _STARTED,
                }
                for name, zone in (("0a1b2c3d", "us-east-1a"), ("4e5f6071", "us-east-1b"))
            ]
        }

    def _counts(self, **asked: Any) -> dict[str, Any]:
        is_dead = "dead-letters" in asked["QueueUrl"]
        names = asked["AttributeNames"]
        return {"Attributes": {name: "3" if is_dead and len(names) > 1 else "0" for name in names}}

    def _ages(self, **asked: Any) -> dict[str, Any]:
        first = asked["MetricDataQueries"][0]["Id"]
        return {"MetricDataResults": [{"Id": first, "Values": [75.0]}]}

    def _alarms(self, **_: Any) -> dict[str, Any]:
        alarm = {
            "AlarmName": f"transaction-dead-letters-{SUFFIX}",
            "StateValue": "ALARM",
            "StateUpdatedTimestamp": _STARTED,
            "StateReason": "Threshold Crossed: 1 datapoint [3.0] was greater than 0.0",
        }
        return {"MetricAlarms": [alarm]}


def _url(name: str) -> str:
    return f"http://127.0.0.1:4566/000000000000/{name}"


def _stack(
    name: str, suffix: str, branch: str, outputs: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    tags = {"environment-suffix": suffix, "branch": branch}
    return {
        "StackName": name,
        "StackStatus": "UPDATE_COMPLETE",
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        "Outputs": outputs or [],
    }


_STREAMS: Final = {"logStreams": [{"logStreamName": "stream"}]}
_LOG: Final = {
    "events": [
        {
            "timestamp": _STARTED.timestamp() * 1000,
            "message": json.dumps({"message": "audit trail verified", "batches": 12}),
        }
    ]
}
_CLUSTERS: Final = {
    "DBClusters": [
        {
            "Status": "available",
            "Engine": "aurora-postgresql",
            "EngineVersion": "17.5",
            "DBClusterMembers": [
                {"DBInstanceIdentifier": "ledger-1", "IsClusterWriter": True},
                {"DBInstanceIdentifier": "ledger-2", "IsClusterWriter": False},
            ],
        }
    ]
}
_INSTANCES: Final = {
    "DBInstances": [
        {
            "DBInstanceIdentifier": name,
            "DBClusterIdentifier": "ledger",
            "AvailabilityZone": zone,
            "DBInstanceStatus": "available",
        }
        for name, zone in (("ledger-1", "us-east-1a"), ("ledger-2", "us-east-1b"))
    ]
}
