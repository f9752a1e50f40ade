"""`make down` and `make up`, and a killed server: environments and their data come back."""

import concurrent.futures
import json

from tests.local_cloud.state.contents import Contents, pretty, until

INTERRUPTED = {
    "Resources": {
        "First": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "interrupted-first"}},
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Never": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "DependsOn": ["First"],
            "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "300"},
        },
    }
}
COMPLETED = {
    "Resources": {
        "First": INTERRUPTED["Resources"]["First"],
        "Second": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "interrupted-second"}},
    }
}


def test_down_and_up_bring_back_environments_and_their_data(contents: Contents) -> None:
    _fill(contents, "before-down")
    before = _described(contents)

    contents.restart()

    assert _described(contents) == before
    _check(contents, "before-down")


def test_a_killed_server_loses_nothing_that_was_acknowledged(contents: Contents) -> None:
    _fill(contents, "before-kill")
    sent = [f"late-{number}" for number in range(50)]
    contents.until_saved()
    contents.until_log_lines_are_saved()
    before = _described(contents)
    contents.post("late")
    contents.aws.s3.put_object(Bucket="state-audit", Key="late", Body=b"late")
    contents.send("state-waiting", *sent)
    contents.kill()

    contents.start()

    assert "late" in contents.posted()
    assert contents.object("late") == b"late"
    assert contents.bodies("state-waiting") >= {*sent}
    assert _described(contents) == before
    _check(contents, "before-kill")


def test_every_message_acknowledged_under_load_is_handled_in_the_end(contents: Contents) -> None:
    """The function receives and deletes messages while others are sent, and the server dies."""
    acknowledged: list[str] = []
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for sender in range(3):
            pool.submit(
                contents.send_until_it_fails,
                "state-handled",
                mark=f"load{sender}",
                acknowledged=acknowledged,
            )
        until(lambda: any(key.startswith("load") for key in contents.objects()), "one is handled")
        until(lambda: len(acknowledged) > 300, "300 messages are acknowledged")
        contents.kill()
    contents.start()
    until(
        lambda: {*acknowledged} <= contents.objects(),
        "all are handled",
        details=lambda: f"{len({*acknowledged} - contents.objects())} of {len(acknowledged)} left",
    )


def test_a_message_that_was_deleted_does_not_come_back(contents: Contents) -> None:
    contents.send("state-waiting", "deleted", "purged later")
    for message in contents.receive("state-waiting"):
        if message["Body"] == "deleted":
            contents.aws.sqs.delete_message(
                QueueUrl=contents.queue("state-waiting"), ReceiptHandle=message["ReceiptHandle"]
            )
    contents.kill()
    contents.start()
    bodies = contents.bodies("state-waiting")
    assert "purged later" in bodies
    assert "deleted" not in bodies

    contents.aws.sqs.purge_queue(QueueUrl=contents.queue("state-waiting"))
    contents.kill()
    contents.start()
    assert contents.bodies("state-waiting") == set()


def test_a_message_that_was_moved_to_the_dead_letters_is_there(contents: Contents) -> None:
    dead = contents.aws.sqs.create_queue(QueueName="state-dead")["QueueUrl"]
    arn = contents.aws.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    policy = {"maxReceiveCount": 1, "deadLetterTargetArn": arn["Attributes"]["QueueArn"]}
    contents.aws.sqs.create_queue(
        QueueName="state-failing", Attributes={"RedrivePolicy": json.dumps(policy)}
    )
    contents.send("state-failing", "failing")
    contents.receive("state-failing")
    assert contents.receive("state-failing") == [], "it was moved"

    contents.kill()
    contents.start()

    assert contents.bodies("state-dead") == {"failing"}
    assert contents.bodies("state-failing") == set()


def test_a_stack_whose_creation_was_interrupted_is_completed_by_the_next_deployment(
    contents: Contents,
) -> None:
    cloudformation = contents.aws.cloudformation
    cloudformation.create_stack(StackName="interrupted", TemplateBody=json.dumps(INTERRUPTED))

    def has_first() -> bool:
        known = cloudformation.describe_stack_resources(StackName="interrupted")
        return "interrupted-first" in str(known["StackResources"])

    until(has_first, "the first resource exists")
    contents.until_saved()
    contents.kill()
    contents.start()
    (stack,) = cloudformation.describe_stacks(StackName="interrupted")["Stacks"]
    assert not stack["StackStatus"].endswith("IN_PROGRESS")
    assert "stopped or killed" in stack["StackStatusReason"]

    contents.send("interrupted-first", "kept")
    cloudformation.update_stack(StackName="interrupted", TemplateBody=json.dumps(COMPLETED))
    cloudformation.get_waiter("stack_update_complete").wait(
        StackName="interrupted", WaiterConfig={"Delay": 1, "MaxAttempts": 300}
    )

    assert contents.bodies("interrupted-first") == {"kept"}
    assert contents.bodies("interrupted-second") == set()


def test_a_state_machine_that_ran_has_failed_with_a_reason(contents: Contents) -> None:
    (machine,) = contents.aws.stepfunctions.list_state_machines()["stateMachines"]
    execution = contents.aws.stepfunctions.start_execution(
        stateMachineArn=machine["stateMachineArn"]
    )["executionArn"]
    contents.until_saved()
    contents.kill()
    contents.start()
    found = contents.aws.stepfunctions.describe_execution(executionArn=execution)
    assert found["status"] == "FAILED"
    assert "restart" in found["cause"]


def test_a_stopped_database_stays_stopped_and_starts_with_its_data(contents: Contents) -> None:
    """As that of an environment that sleeps. It is killed while it stops."""
    contents.post("before-sleep")
    (cluster,) = contents.aws.rds.describe_db_clusters()["DBClusters"]
    name = cluster["DBClusterIdentifier"]
    contents.aws.ecs.update_service(cluster="app", service="app", desiredCount=0)
    contents.aws.rds.stop_db_cluster(DBClusterIdentifier=name)
    contents.until_saved()
    contents.kill()
    contents.start()

    def status() -> str:
        (found,) = contents.aws.rds.describe_db_clusters()["DBClusters"]
        return str(found["Status"])

    assert status() == "stopped"
    assert not list(contents.paths.databases.glob("*/*/postmaster.pid")), "no server was started"
    contents.aws.rds.start_db_cluster(DBClusterIdentifier=name)
    until(lambda: status() == "available", "the database is started")
    contents.aws.ecs.update_service(cluster="app", service="app", desiredCount=2)
    until(contents.answers, "the API answers")
    assert "before-sleep" in contents.posted()


def _fill(contents: Contents, mark: str) -> None:
    contents.post(mark)
    contents.send("state-waiting", mark)
    contents.send("state-handled", mark)
    contents.aws.dynamodb.put_item(TableName="state-sessions", Item={"id": {"S": mark}})
    until(lambda: mark in contents.objects(), "the function handles the message")
    contents.aws.sqs.set_queue_attributes(
        QueueUrl=contents.queue("state-waiting"), Attributes={"VisibilityTimeout": str(len(mark))}
    )
    until(lambda: "POST / HTTP/1.1" in contents.log_lines(), "the task's log is forwarded")


def _check(contents: Contents, mark: str) -> None:
    assert mark in contents.posted()
    assert mark in contents.bodies("state-waiting")
    assert mark in contents.objects()
    assert mark in contents.sessions()
    # Functions, their queues and the database work as before, not only their records.
    contents.send("state-handled", f"{mark}-again")
    until(lambda: f"{mark}-again" in contents.objects(), "the function handles the message")
    contents.post(f"{mark}-again")
    assert f"{mark}-again" in contents.posted()


def _described(contents: Contents) -> str:
    """What the account's APIs show, but what a restart may change."""
    aws = contents.aws
    (stack,) = aws.cloudformation.describe_stacks(StackName="app")["Stacks"]
    (cluster,) = aws.rds.describe_db_clusters()["DBClusters"]
    (balancer,) = aws.elbv2.describe_load_balancers()["LoadBalancers"]
    (service,) = aws.ecs.describe_services(cluster="app", services=["app"])["services"]
    return pretty(
        {
            "stack": [stack["StackStatus"], stack["Outputs"], stack["CreationTime"]],
            "resources": [
                [r["LogicalResourceId"], r["PhysicalResourceId"], r["ResourceStatus"]]
                for r in aws.cloudformation.describe_stack_resources(StackName="app")[
                    "StackResources"
                ]
            ],
            "events": len(aws.cloudformation.describe_stack_events(StackName="app")["StackEvents"]),
            "cluster": [
                cluster[name]
                for name in ("Endpoint", "ReaderEndpoint", "Status", "DBClusterMembers")
            ],
            "balancer": balancer,
            "service": [service["taskDefinition"], service["desiredCount"]],
            "queue": aws.sqs.get_queue_attributes(
                QueueUrl=contents.queue("state-waiting"),
                AttributeNames=["QueueArn", "VisibilityTimeout", "CreatedTimestamp"],
            )["Attributes"],
            "function": aws.lambda_.get_function_configuration(FunctionName="state-handler")[
                "CodeSha256"
            ],
            "mappings": aws.lambda_.list_event_source_mappings()["EventSourceMappings"][0]["UUID"],
            "versioning": aws.s3.get_bucket_versioning(Bucket="state-audit")["Status"],
            "secret": aws.secretsmanager.get_secret_value(SecretId="app")["SecretString"],
            "rules": aws.events.list_rules()["Rules"],
            "machines": aws.stepfunctions.list_state_machines()["stateMachines"],
            "alarms": [a["AlarmArn"] for a in aws.cloudwatch.describe_alarms()["MetricAlarms"]],
            "log lines": sorted(contents.log_lines()),
        }
    )
