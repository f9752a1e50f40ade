"""S31: an alarm that starts during a deployment stops it, and the old tasks continue."""

from typing import Any

import pytest

from local_cloud.aws import AwsClients
from local_cloud.emulator.deployment import DeploymentFailed, Service
from local_cloud.emulator.deployment_alarms import DeploymentAlarms, alarm_names
from tests.account import Account
from tests.local_cloud.test_deployment import PATIENT_SECONDS, FakePlatform, fake, service, want

__all__ = ["fake", "service"]  # fixtures


@pytest.fixture
def alarm(account: Account) -> str:
    """An alarm that does not sound."""
    name = account.name("server-errors")
    account.client("cloudwatch").put_metric_alarm(
        AlarmName=name, Namespace="test", MetricName="errors", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    set_state(account, name, "OK")
    return name


def set_state(account: Account, name: str, state: str) -> None:
    account.client("cloudwatch").set_alarm_state(
        AlarmName=name, StateValue=state, StateReason="the test says so"
    )


def deployed(service: Service, fake: FakePlatform) -> set[str]:
    """The tasks of a first deployment; the next definition takes its time."""
    want(service, "good")
    service.wait_until_stable("good", timeout_seconds=PATIENT_SECONDS)
    fake.sick.add("slow")
    return set(fake.registered)


def test_s31_an_alarm_stops_the_deployment_and_the_old_tasks_stay(
    service: Service, fake: FakePlatform, account: Account, shared_aws: AwsClients, alarm: str
) -> None:
    kept, alarms = deployed(service, fake), DeploymentAlarms(shared_aws)
    want(service, "slow", grace_seconds=PATIENT_SECONDS)
    alarms.watch(service, (alarm,))

    set_state(account, alarm, "ALARM")
    alarms.watch(service, (alarm,))

    with pytest.raises(DeploymentFailed, match=f"alarm {alarm} started"):
        service.wait_until_stable("slow", timeout_seconds=PATIENT_SECONDS)
    assert service.deploying is None
    assert kept <= set(fake.registered)


def test_s31_a_correction_can_be_deployed_while_the_alarm_is_active(
    service: Service, fake: FakePlatform, account: Account, shared_aws: AwsClients, alarm: str
) -> None:
    deployed(service, fake)
    alarms = DeploymentAlarms(shared_aws)
    set_state(account, alarm, "ALARM")
    want(service, "slow", grace_seconds=PATIENT_SECONDS)

    alarms.watch(service, (alarm,))
    alarms.watch(service, (alarm,))

    assert service.deploying == "slow"


def test_an_alarm_outside_a_deployment_changes_nothing(
    service: Service, fake: FakePlatform, account: Account, shared_aws: AwsClients, alarm: str
) -> None:
    kept, alarms = deployed(service, fake), DeploymentAlarms(shared_aws)
    alarms.watch(service, (alarm,))
    set_state(account, alarm, "ALARM")
    alarms.watch(service, (alarm,))

    assert set(fake.registered) == kept


@pytest.mark.parametrize(
    ("alarms", "names"),
    [
        ({"alarmNames": ["a", "b"], "enable": True, "rollback": True}, ("a", "b")),
        ({"alarmNames": ["a"], "enable": False, "rollback": True}, ()),
        (None, ()),
    ],
)
def test_only_alarms_that_are_enabled_are_watched(
    alarms: dict[str, Any] | None, names: tuple[str, ...]
) -> None:
    configuration = {} if alarms is None else {"alarms": alarms}

    assert alarm_names({"deploymentConfiguration": configuration}) == names
