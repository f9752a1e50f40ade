"""B3: nothing remains after the stacks: leftovers are swept, and a verification finds the rest."""

from contextlib import suppress
from typing import Any

import pytest

from branch_hub.functions.teardown.names import is_named_for
from branch_hub.functions.teardown.requests import StillThere
from tests.account import tags_of
from tests.branch_hub.functions.teardown.conftest import Site
from tests.branch_hub.functions.teardown.test_find_and_delete import (
    REPOSITORY,
    bucket,
    task_definition,
)


@pytest.mark.parametrize(
    "name",
    [
        "/aws/lambda/audit-writer-a-0a1b2c",
        "/aws/rds/cluster/transaction-db-a-0a1b2c/postgresql",
        "arn:aws:sns:us-east-1:1:transaction-alarms-a-0a1b2c",
        "DeliveryPipeline-A-0a1b2c-Role-XYZ",
        "a-0a1b2c",
    ],
)
def test_b3_a_name_that_contains_the_suffix_belongs_to_the_environment(name: str) -> None:
    assert is_named_for(name, "a-0a1b2c")


@pytest.mark.parametrize(
    "name",
    ["audit-writer-ba-0a1b2c", "audit-writer-a-0a1b2cd", "audit-writer-a-0a1b2", "a0a1b2c", ""],
)
def test_b4_a_name_that_contains_it_inside_another_suffix_does_not_belong_to_it(name: str) -> None:
    assert not is_named_for(name, "a-0a1b2c")


def test_b3_logs_that_were_written_last_are_swept(site: Site) -> None:
    logs = site.account.client("logs")
    swept = [
        f"/aws/lambda/audit-writer-{site.suffix}",
        f"/aws/codebuild/transaction-pipeline-{site.suffix}",
        f"/aws/rds/cluster/transaction-db-{site.suffix}/postgresql",
        f"/aws/ecs/containerinsights/transaction-cluster-{site.suffix}/performance",
        f"/ecs/transaction-service-{site.suffix}",
    ]
    kept = [f"/aws/lambda/audit-writer-{site.suffix}f", f"/somebodys/own-{site.suffix}"]
    for name in swept + kept:
        logs.create_log_group(logGroupName=name)

    assert site.ask("sweep")["removed"] == [f"log group {name}" for name in swept]

    for name in kept:
        assert logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert site.ask("sweep") == {"removed": [], "kept": []}


def test_b3_nothing_is_swept_while_a_stack_exists(site: Site) -> None:
    """A run that began meanwhile has made it again."""
    logs, name = site.account.client("logs"), f"/aws/lambda/audit-writer-{site.suffix}"
    logs.create_log_group(logGroupName=name)
    site.account.deploy(site.stack, tags=tags_of(site.suffix))

    with pytest.raises(StillThere, match=site.stack):
        site.ask("sweep")
    assert logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]


def test_b3_a_log_group_that_was_deleted_meanwhile_is_no_error(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"/aws/lambda/audit-writer-{site.suffix}"
    logs = site.account.client("logs")
    logs.create_log_group(logGroupName=name)
    delete = logs.delete_log_group

    def already(**asked: Any) -> None:
        delete(**asked)
        delete(**asked)

    monkeypatch.setattr(logs, "delete_log_group", already)

    assert site.ask("sweep") == {"removed": [], "kept": []}


def test_b3_manual_snapshots_are_swept_and_foreign_ones_kept(site: Site) -> None:
    rds = site.account.client("rds")
    for cluster in (f"transaction-db-{site.suffix}", site.account.name("another-db")):
        rds.create_db_cluster(
            DBClusterIdentifier=cluster,
            Engine="aurora-postgresql",
            MasterUsername="root",
            MasterUserPassword="not-a-secret",
        )
        rds.create_db_cluster_snapshot(
            DBClusterSnapshotIdentifier=f"before-{cluster[:30]}", DBClusterIdentifier=cluster
        )
    own = site.account.name("by-hand")
    rds.create_db_cluster_snapshot(
        DBClusterSnapshotIdentifier=own, DBClusterIdentifier=f"transaction-db-{site.suffix}"
    )

    removed = site.ask("sweep")["removed"]

    assert sorted(removed) == [
        f"snapshot before-transaction-db-{site.suffix}"[:48],
        f"snapshot {own}",
    ]
    rds.delete_db_cluster(
        DBClusterIdentifier=f"transaction-db-{site.suffix}", SkipFinalSnapshot=True
    )


def test_b3_inactive_revisions_are_swept(site: Site) -> None:
    ecs = site.account.client("ecs")
    family = f"transaction-service-{site.suffix}"
    for _ in range(12):  # more than one call accepts
        arn = ecs.register_task_definition(
            family=family, containerDefinitions=[{"name": "app", "image": "app"}]
        )["taskDefinition"]["taskDefinitionArn"]
        ecs.deregister_task_definition(taskDefinition=arn)

    removed = site.ask("sweep")["removed"]

    assert removed == [f"task definition {family}:{number}" for number in range(1, 13)]
    assert (
        ecs.list_task_definitions(familyPrefix=family, status="INACTIVE")["taskDefinitionArns"]
        == []
    )


def put_images(site: Site, *tags: str) -> Any:
    ecr = site.account.client("ecr")
    with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
        ecr.create_repository(repositoryName=REPOSITORY)
    for tag in tags:
        ecr.put_image(
            repositoryName=REPOSITORY, imageTag=tag, imageManifest=f'{{"layers": ["{tag}"]}}'
        )
    return ecr


def image_tags(ecr: Any) -> set[str]:
    images = ecr.list_images(repositoryName=REPOSITORY)["imageIds"]
    return {image["imageTag"] for image in images}


def images(*tags: str) -> list[dict[str, str]]:
    return [{"repository": REPOSITORY, "tag": tag} for tag in tags]


def test_b3_an_image_that_no_live_stack_names_is_deleted(site: Site) -> None:
    """The stack of another branch with the same sources shares the image."""
    site.account.remove_pipelines()
    other, own = "1" * 64, "2" * 64
    ecr = put_images(site, other, own)
    neighbour = f"{site.account.name('neighbour')}-0a1b2c"
    site.account.deploy(
        f"transaction-{neighbour}",
        tags=tags_of(neighbour),
        resources={"Task": task_definition(neighbour, other)},
    )

    removed = site.ask("sweep", images=images(other, own))["removed"]

    assert removed == [f"image {REPOSITORY}:{own}"]
    assert other in image_tags(ecr)
    assert own not in image_tags(ecr)


def test_b3_an_image_stays_while_another_pipeline_runs_that_may_deploy_it(site: Site) -> None:
    tag = "3" * 64
    ecr = put_images(site, tag)
    neighbour = f"{site.account.name('builder')}-0a1b2c"
    site.account.remove_pipelines()
    site.account.deploy(f"DeliveryPipeline-{neighbour}", tags=tags_of(neighbour))
    site.runs("Succeeded", "InProgress", pipeline=f"transaction-pipeline-{neighbour}")

    answer = site.ask("sweep", images=images(tag))

    assert answer["removed"] == []
    # Its record is deleted after this, so the notice must report it.
    assert answer["kept"] == [
        f"image {REPOSITORY}:{tag}: the pipeline of {neighbour} is running. The asset "
        "collector deletes it when no template has named it for some time"
    ]
    assert tag in image_tags(ecr)

    site.runs("Succeeded", pipeline=f"transaction-pipeline-{neighbour}")
    assert site.ask("sweep", images=images(tag))["removed"] == [f"image {REPOSITORY}:{tag}"]


def test_b3_images_that_were_deleted_meanwhile_are_no_error(site: Site) -> None:
    site.account.remove_pipelines()
    missing = [{"repository": "cdk-none-container-assets-1-us-east-1", "tag": "0" * 64}]

    assert site.ask("sweep", images=missing) == {"removed": [], "kept": []}


def test_b3_every_resource_with_a_name_is_found(site: Site) -> None:
    suffix, account = site.suffix, site.account
    account.deploy(
        f"DeliveryPipeline-{suffix}",
        tags=tags_of(suffix),
        resources={
            "Bucket": bucket(suffix),
            "Queue": named("AWS::SQS::Queue", QueueName=f"transaction-queue-{suffix}"),
            "Topic": named("AWS::SNS::Topic", TopicName=f"transaction-alarms-{suffix}"),
            "Secret": named("AWS::SecretsManager::Secret", Name=f"transaction-db-{suffix}"),
            "Logs": named("AWS::Logs::LogGroup", LogGroupName=f"/ecs/service-{suffix}"),
            "Cluster": named("AWS::ECS::Cluster", ClusterName=f"transaction-cluster-{suffix}"),
            "Table": named(
                "AWS::DynamoDB::Table",
                TableName=f"transaction-sessions-{suffix}",
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            ),
            "Role": named(
                "AWS::IAM::Role",
                RoleName=f"transaction-role-{suffix}",
                AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": []},
            ),
            "Alarm": named(
                "AWS::CloudWatch::Alarm",
                AlarmName=f"transaction-errors-{suffix}",
                ComparisonOperator="GreaterThanThreshold",
                EvaluationPeriods=1,
                MetricName="Errors",
                Namespace="AWS/Lambda",
                Period=60,
                Statistic="Sum",
                Threshold=1,
            ),
        },
    )

    named_kinds = {line.split(" ")[0] for line in site.ask("verify")["remains"]}

    assert named_kinds >= {
        *("stack", "bucket", "queue", "topic", "secret", "log", "cluster", "table", "role"),
        *("alarm", "tagged"),
    }
    account.client("cloudformation").delete_stack(StackName=f"DeliveryPipeline-{suffix}")
    account.wait_for(f"DeliveryPipeline-{suffix}", "GONE")
    assert site.ask("verify") == {"remains": []}


def named(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def test_b3_resources_with_only_the_tag_are_found(site: Site) -> None:
    sns = site.account.client("sns")
    tag = [{"Key": "environment-suffix", "Value": site.suffix}]
    arn = sns.create_topic(Name=site.account.name("nameless"), Tags=tag)["TopicArn"]

    assert site.ask("verify") == {"remains": [f"tagged {arn}"]}


def test_b3_resources_of_another_environment_are_not_listed(site: Site) -> None:
    neighbour = f"n{site.suffix}"
    site.account.deploy_environment(
        neighbour, resources={"Topic": named("AWS::SNS::Topic", DisplayName="theirs")}
    )

    assert site.ask("verify") == {"remains": []}


def test_b3_a_key_with_a_scheduled_deletion_is_not_listed(site: Site) -> None:
    kms = site.account.client("kms")
    tags = [{"TagKey": "environment-suffix", "TagValue": site.suffix}]
    key = kms.create_key(Tags=tags)["KeyMetadata"]
    assert site.ask("verify") == {"remains": [f"tagged {key['Arn']}"]}

    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)

    assert site.ask("verify") == {"remains": []}
