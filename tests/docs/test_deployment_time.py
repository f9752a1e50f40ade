"""S66: the estimated time of a first deployment."""

from typing import Any

from docs.generators import deployment_time

# Each needs the one before: a database to migrate, its instances, the schema for the tasks.
NECESSARY_CHAIN = (
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "Custom::Trigger",
    "AWS::ECS::Service",
)
SLOW_SECONDS = 60


def test_s66_no_slow_resource_waits_for_another_one_without_need(
    environments: dict[str, dict[str, Any]],
) -> None:
    assert environments
    for kind, template in environments.items():
        chain = deployment_time.longest_chain(template)
        slow = [step.kind for step in chain if step.ends - step.begins >= SLOW_SECONDS]

        assert tuple(slow) == NECESSARY_CHAIN, kind


def test_s66_the_time_for_which_alarms_are_watched_counts() -> None:
    resources: dict[str, Any] = {
        "Errors": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {"AlarmName": "errors", "EvaluationPeriods": 2, "Metrics": [
                {"Expression": "a / b"}, {"MetricStat": {"Period": 60}}]},
        },
        "Other": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {"AlarmName": "other", "EvaluationPeriods": 9, "Period": 300},
        },
        "Service": {
            "Type": "AWS::ECS::Service",
            "Properties": {"DeploymentConfiguration": {"Alarms": {"AlarmNames": ["errors"]}}},
        },
        "Unwatched": {"Type": "AWS::ECS::Service"},
    }  # fmt: skip

    assert deployment_time.watched_seconds(resources, "Service") == 2 * 60
    assert deployment_time.watched_seconds(resources, "Unwatched") == 0


def test_s66_the_longest_chain_is_that_of_the_slowest_path() -> None:
    resources: dict[str, Any] = {
        "Gateway": {"Type": "AWS::EC2::NatGateway"},
        "Key": {"Type": "AWS::KMS::Key"},
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"Key": {"Ref": "Key"}}},
        "Task": {"Type": "AWS::ECS::Service", "DependsOn": "Table",
                 "Properties": {"A": {"Fn::GetAtt": ["Gateway", "Id"]}}},
    }  # fmt: skip

    chain = deployment_time.longest_chain({"Resources": resources})

    began = deployment_time.CHANGE_SET_SECONDS
    assert [s.name for s in chain] == ["Gateway", "Task"]  # 120 s, and not 30 and 60
    assert [(s.begins, s.ends) for s in chain] == [(began, began + 120), (began + 120, began + 270)]
