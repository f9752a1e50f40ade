"""The service: the number of its tasks, updates that are rolled back, and a killed task."""

import http.client
import os
import signal
import time

import pytest

from tests.local_cloud.emulator.deployed import Deployed, wait


def test_s31_the_scalable_target_starts_tasks_and_an_update_keeps_their_number(
    deployed: Deployed,
) -> None:
    assert deployed.tasks_wanted() == 2, "its minimum: the service itself asks for none"
    deployed.aws.ecs.update_service(cluster="app", service="app", desiredCount=4)

    _update(deployed, who="second")
    assert deployed.tasks_wanted() == 4, "a deployment changes no number of tasks"

    _update(deployed, who="first", tasks_max=3)
    assert deployed.tasks_wanted() == 3, "a lower maximum does"
    deployed.aws.ecs.update_service(cluster="app", service="app", desiredCount=2)


def test_b13_a_service_on_spot_and_graviton_runs_its_tasks_on_this_machine(
    deployed: Deployed,
) -> None:
    (service,) = deployed.aws.ecs.describe_services(cluster="app", services=["app"])["services"]

    providers = [s["capacityProvider"] for s in service["capacityProviderStrategy"]]
    assert providers == ["FARGATE", "FARGATE_SPOT"]
    assert deployed.ask().startswith("first ")


def _update(deployed: Deployed, *, who: str, tasks_max: int = 4) -> None:
    deployed.aws.cloudformation.update_stack(
        StackName="app", TemplateBody=deployed.template(who=who, tasks_max=tasks_max)
    )
    wait(deployed.aws, "stack_update_complete")


def test_s31_a_broken_version_is_rolled_back_while_the_old_one_answers(deployed: Deployed) -> None:
    deployed.aws.cloudformation.update_stack(
        StackName="app", TemplateBody=deployed.template(who="broken")
    )
    with pytest.raises(Exception, match="StackUpdateComplete"):
        wait(deployed.aws, "stack_update_complete")
    events = deployed.aws.cloudformation.describe_stack_events(StackName="app")["StackEvents"]
    reasons = " ".join(e.get("ResourceStatusReason", "") for e in events)
    assert "broken on purpose" in reasons, "the last line of the task's log"
    assert deployed.ask().startswith("first ")


def test_s31_a_version_whose_alarm_starts_is_rolled_back(deployed: Deployed) -> None:
    deployed.aws.cloudformation.update_stack(
        StackName="app", TemplateBody=deployed.template(who="slow")
    )
    deadline = time.monotonic() + 300
    while not any(task["state"] == "starting" for task in deployed.tasks()):
        assert time.monotonic() < deadline, "no new task was started"
        time.sleep(0.05)
    # An alarm counts that is quiet when the deployment begins: it is looked at in each round.
    published = deployed.service_file.stat().st_mtime_ns
    while deployed.service_file.stat().st_mtime_ns == published:
        time.sleep(0.05)

    deployed.aws.cloudwatch.set_alarm_state(
        AlarmName="app-errors", StateValue="ALARM", StateReason="the test says so"
    )

    with pytest.raises(Exception, match="StackUpdateComplete"):
        wait(deployed.aws, "stack_update_complete")
    events = deployed.aws.cloudformation.describe_stack_events(StackName="app")["StackEvents"]
    assert "alarm app-errors started" in " ".join(e.get("ResourceStatusReason", "") for e in events)
    assert deployed.ask().startswith("first ")


def test_s31_a_killed_task_is_replaced_and_a_retry_is_answered(
    deployed: Deployed,
) -> None:
    """The request in the killed task fails, as on AWS: the client retries."""
    deployed.until_all_tasks_are_healthy()
    victim = deployed.tasks()[0]
    os.kill(victim["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 300
    while True:
        try:
            answer = deployed.ask()
        except (OSError, http.client.HTTPException):
            answer = deployed.ask()
        assert answer.startswith("first ")
        healthy = {t["id"] for t in deployed.tasks() if t["state"] == "healthy"}
        if len(healthy) == 2 and victim["id"] not in healthy:
            break
        assert time.monotonic() < deadline, "the task was not replaced"
