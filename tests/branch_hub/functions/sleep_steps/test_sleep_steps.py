"""B13: each step that stops or starts a part of an environment does what is possible now."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from branch_hub.functions.shared.guard import NotOurs
from branch_hub.functions.sleep_steps import entrypoint
from branch_hub.functions.sleep_steps.database import DatabaseMissing
from branch_hub.functions.sleep_steps.service import ServiceMissing
from branch_hub.functions.sleep_steps.settings import BranchSleepStepsSettings
from lambda_src.shared.branch_suffix import suffix_of_branch
from lambda_src.shared.stack_tags import ASLEEP_TAG
from tests.aws_stubs import type_of_aws

X = suffix_of_branch("feature/x")
CLUSTER = {"DBClusterIdentifier": f"transaction-db-{X}"}
ECS_CLUSTER_ARN = f"arn:aws:ecs:us-east-1:000000000000:cluster/transaction-cluster-{X}"
GROUP = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/t/1"
UUID = "01935f7e-5b0c-7c3e-8a4e-3f6f0b9d2a11"


class Site:
    """The stubs of all clients; each `expects` one call with its answer."""

    def __init__(self, aws: type_of_aws) -> None:
        self._aws = aws

    def expect(self, service: str, operation: str, answer: Any = None, /, **request: Any) -> None:
        self._aws(service)[1].add_response(operation, answer or {}, request or None)

    def missing(self, service: str, operation: str, error: str) -> None:
        self._aws(service)[1].add_client_error(operation, error)

    def ask(self, action: str, suffix: object = X) -> dict[str, Any]:
        return entrypoint.handler({"action": action, "suffix": suffix}, None)

    def database(self, status: str) -> None:
        self.expect("rds", "describe_db_clusters", {"DBClusters": [{"Status": status}]}, **CLUSTER)

    def service(
        self, *, desired: int, running: int, minimum: int = 2, suspended: bool = False
    ) -> None:
        found = {
            "status": "ACTIVE",
            "desiredCount": desired,
            "runningCount": running,
            "loadBalancers": [{"targetGroupArn": GROUP}],
        }
        self.expect("ecs", "describe_services", {"services": [found]})
        self.scalable(minimum, suspended=suspended)

    def scalable(self, minimum: int, *, suspended: bool) -> None:
        resource = f"service/transaction-cluster-{X}/transaction-service-{X}"
        target = {
            "ServiceNamespace": "ecs",
            "ResourceId": resource,
            "ScalableDimension": "ecs:service:DesiredCount",
            "MinCapacity": minimum,
            "MaxCapacity": 6,
            "RoleARN": "arn:aws:iam::000000000000:role/scaling",
            "CreationTime": datetime.now(UTC),
            "SuspendedState": {
                "DynamicScalingInSuspended": suspended,
                "DynamicScalingOutSuspended": suspended,
                "ScheduledScalingSuspended": suspended,
            },
        }
        self.expect(
            "application-autoscaling", "describe_scalable_targets", {"ScalableTargets": [target]}
        )

    def scaling(self, *, suspended: bool) -> None:
        self.expect(
            "application-autoscaling",
            "register_scalable_target",
            ServiceNamespace="ecs",
            ResourceId=f"service/transaction-cluster-{X}/transaction-service-{X}",
            ScalableDimension="ecs:service:DesiredCount",
            SuspendedState={
                "DynamicScalingInSuspended": suspended,
                "DynamicScalingOutSuspended": suspended,
                "ScheduledScalingSuspended": suspended,
            },
        )

    def tasks(self, count: int) -> None:
        self.expect(
            "ecs",
            "update_service",
            cluster=f"transaction-cluster-{X}",
            service=f"transaction-service-{X}",
            desiredCount=count,
        )

    def targets(self, *states: str) -> None:
        self.expect(
            "elbv2",
            "describe_target_health",
            {"TargetHealthDescriptions": [{"TargetHealth": {"State": s}} for s in states]},
            TargetGroupArn=GROUP,
        )

    def tag(self, since: str | None) -> None:
        tags = [{"key": "application", "value": "transaction-pipeline"}]
        tags += [{"key": ASLEEP_TAG, "value": since}] if since else []
        self.expect(
            "ecs",
            "describe_clusters",
            {"clusters": [{"clusterArn": ECS_CLUSTER_ARN, "tags": tags}]},
            clusters=[f"transaction-cluster-{X}"],
            include=["TAGS"],
        )

    def alarms(self, names: list[str]) -> None:
        kinds = [("AWS::CloudWatch::Alarm", n) for n in names] + [("AWS::SQS::Queue", "q")]
        resources = [
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": name,
                "ResourceType": kind,
                "ResourceStatus": "CREATE_COMPLETE",
                "LastUpdatedTimestamp": datetime.now(UTC),
            }
            for kind, name in kinds
        ]
        self.expect(
            "cloudformation",
            "list_stack_resources",
            {"StackResourceSummaries": resources},
            StackName=f"transaction-{X}",
        )

    def raised(self, names: list[str], found: dict[str, bool]) -> None:
        """`found`: alarms in the state ALARM, and whether their actions are on."""
        alarms = [{"AlarmName": name, "ActionsEnabled": on} for name, on in found.items()]
        self.expect(
            "cloudwatch",
            "describe_alarms",
            {"MetricAlarms": alarms},
            AlarmNames=names,
            StateValue="ALARM",
            AlarmTypes=["MetricAlarm"],
        )

    def mapping(self, *states: str) -> None:
        self.expect(
            "lambda",
            "list_event_source_mappings",
            {"EventSourceMappings": [{"UUID": UUID, "State": state} for state in states]},
            FunctionName=f"transaction-processor-{X}",
        )


@pytest.fixture
def site(aws: type_of_aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for variable, value in BranchSleepStepsSettings(trunk="main").to_env().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(boto3, "client", lambda service, **_: aws(service)[0])
    entrypoint._steps.cache_clear()
    yield Site(aws)
    entrypoint._steps.cache_clear()


def test_b13_a_database_is_stopped_once_and_only_when_aws_allows_it(site: Site) -> None:
    site.database("backing-up")
    assert site.ask("stop_database") == {"done": False, "message": "the database is backing-up"}
    site.database("available")
    site.expect("rds", "stop_db_cluster", **CLUSTER)
    assert not site.ask("stop_database")["done"]
    site.database("stopping")
    assert not site.ask("stop_database")["done"]
    site.database("stopped")
    assert site.ask("stop_database")["done"]


def test_b13_a_stopped_database_is_started_and_waited_for(site: Site) -> None:
    site.database("stopping")
    assert not site.ask("start_database")["done"]
    site.database("stopped")
    site.expect("rds", "start_db_cluster", **CLUSTER)
    assert not site.ask("start_database")["done"]
    site.database("starting")
    assert not site.ask("start_database")["done"]
    site.database("available")
    assert site.ask("start_database")["done"]


@pytest.mark.parametrize(
    "status", ["available", "failed", "inaccessible-encryption-credentials", "storage-full"]
)
def test_b13_a_deletion_does_not_wait_for_a_database_that_aws_deletes(
    site: Site, status: str
) -> None:
    site.database(status)
    answer = site.ask("start_database_to_delete")
    assert answer == {"done": True, "message": f"the database is {status}"}


def test_b13_a_deletion_starts_a_stopped_database_first(site: Site) -> None:
    site.database("stopped")
    site.database("stopped")
    site.expect("rds", "start_db_cluster", **CLUSTER)
    assert not site.ask("start_database_to_delete")["done"]
    for status in ("starting", "stopping"):
        site.database(status)
        site.database(status)
        assert not site.ask("start_database_to_delete")["done"]


def test_b13_without_a_database_nothing_is_to_start_and_nothing_can_stop(site: Site) -> None:
    """The teardown also asks for an environment whose stack is half deleted."""
    site.missing("rds", "describe_db_clusters", "DBClusterNotFoundFault")
    assert site.ask("start_database")["done"]
    site.missing("rds", "describe_db_clusters", "DBClusterNotFoundFault")
    assert site.ask("start_database_to_delete")["done"]
    site.missing("rds", "describe_db_clusters", "DBClusterNotFoundFault")
    with pytest.raises(DatabaseMissing, match=f"transaction-db-{X}"):
        site.ask("stop_database")


def test_b13_scaling_is_suspended_before_the_tasks_stop(site: Site) -> None:
    site.service(desired=3, running=3)
    site.scaling(suspended=True)
    site.tasks(0)
    assert not site.ask("stop_service")["done"]

    # Nothing is registered at 0 tasks: AWS would move them into the range again.
    site.service(desired=0, running=0, suspended=True)
    site.targets("draining")
    assert site.ask("stop_service") == {"done": False, "message": "1 tasks still stop"}

    site.service(desired=0, running=0, suspended=True)
    site.targets()
    assert site.ask("stop_service")["done"]


def test_b13_as_many_tasks_start_as_the_minimum_says_and_all_must_be_healthy(site: Site) -> None:
    site.service(desired=0, running=0, minimum=2)
    site.tasks(2)
    assert not site.ask("start_service")["done"]
    site.service(desired=2, running=0, suspended=True)
    site.scaling(suspended=False)
    assert site.ask("start_service")["done"]

    for running, states, done in (
        (2, ["initial", "healthy"], False),
        (1, ["healthy", "healthy"], False),
        (2, ["healthy", "healthy"], True),
    ):
        site.service(desired=2, running=running)
        site.targets(*states)
        assert site.ask("await_tasks")["done"] is done


def test_b13_a_pipeline_may_deploy_before_the_tasks_are_healthy(site: Site) -> None:
    site.tag("2026-11-26T19:00:00Z")
    site.expect("ecs", "untag_resource", resourceArn=ECS_CLUSTER_ARN, tagKeys=[ASLEEP_TAG])
    assert site.ask("allow_deployments")["done"]
    site.tag(None)
    assert site.ask("allow_deployments")["done"]


def test_b13_a_service_that_was_scaled_out_is_not_scaled_in(site: Site) -> None:
    """A second wake of a busy environment changes nothing."""
    site.service(desired=5, running=5)
    assert site.ask("start_service")["done"]


def test_b13_a_missing_service_is_named(site: Site) -> None:
    site.expect("ecs", "describe_services", {"services": []})
    with pytest.raises(ServiceMissing, match=f"there is no active service transaction-service-{X}"):
        site.ask("stop_service")
    site.expect("ecs", "describe_services", {"services": [{"status": "ACTIVE"}]})
    site.expect("application-autoscaling", "describe_scalable_targets", {"ScalableTargets": []})
    with pytest.raises(ServiceMissing, match="has no range of tasks"):
        site.ask("start_service")


def test_b13_alarms_schedule_and_queue_are_off_before_anything_stops(site: Site) -> None:
    names = [f"alarm-{number}" for number in range(120)]
    site.tag(None)
    site._aws("ecs")[1].add_response("tag_resource", {})
    site.alarms(names)
    site.expect("cloudwatch", "disable_alarm_actions", AlarmNames=names[:100])
    site.expect("cloudwatch", "disable_alarm_actions", AlarmNames=names[100:])
    site.expect("events", "disable_rule", Name=f"audit-verification-{X}")
    site.mapping("Enabled")
    site.expect("lambda", "update_event_source_mapping", UUID=UUID, Enabled=False)
    assert not site.ask("silence")["done"]

    for state, done in (("Disabling", False), ("Disabled", True)):
        site.tag("2026-11-26T19:00:00Z")  # the moment of the first call stays
        site.alarms([])
        site.expect("events", "disable_rule", Name=f"audit-verification-{X}")
        site.mapping(state)
        answer = site.ask("silence")
        assert answer == {"done": done, "message": f"its queue is {state}"}


def test_b13_the_queue_calls_its_function_again(site: Site) -> None:
    site.expect("events", "enable_rule", Name=f"audit-verification-{X}")
    site.mapping("Disabled")
    site.expect("lambda", "update_event_source_mapping", UUID=UUID, Enabled=True)
    assert not site.ask("resume")["done"]

    site.expect("events", "enable_rule", Name=f"audit-verification-{X}")
    site.mapping("Enabled")
    assert site.ask("resume")["done"]

    site.expect("events", "enable_rule", Name=f"audit-verification-{X}")
    site.mapping()
    assert site.ask("resume") == {"done": True, "message": "its queue is not connected"}


def test_b13_what_the_sleep_caused_is_over_before_the_alarms_are_on(site: Site) -> None:
    for raised, done in ({"page": False, "depth": False}, False), ({"depth": True}, True):
        site.alarms(["page", "depth"])
        site.raised(["page", "depth"], raised)
        assert site.ask("await_alarms")["done"] is done


def test_b13_an_alarm_that_is_still_raised_notifies_when_it_is_on(site: Site) -> None:
    """AWS evaluates it again, and its state changes."""
    site.alarms(["page", "depth"])
    site.raised(["page", "depth"], {"depth": False, "loud": True})
    site.expect(
        "cloudwatch",
        "set_alarm_state",
        AlarmName="depth",
        StateValue="INSUFFICIENT_DATA",
        StateReason="Its environment was woken; it is evaluated again",
    )
    site.expect("cloudwatch", "enable_alarm_actions", AlarmNames=["page", "depth"])
    assert site.ask("enable_alarms")["done"]


@pytest.mark.parametrize("suffix", ["staging", "production", suffix_of_branch("main"), None])
def test_b13_only_environments_of_branches_are_touched(site: Site, suffix: object) -> None:
    with pytest.raises(NotOurs):
        site.ask("stop_database", suffix)


def test_b13_an_unknown_action_is_refused(site: Site) -> None:
    with pytest.raises(NotOurs, match="action is 'delete': it must be one of silence"):
        site.ask("delete")
