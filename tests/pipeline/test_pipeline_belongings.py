"""Resources of a pipeline: encrypted with its key, named by its suffix, deleted with its stack."""

import json

from tests.delivered import SUFFIX, Delivered


def test_s62_every_resource_of_the_pipeline_is_deleted_with_its_stack(delivered: Delivered) -> None:
    bucket, _ = delivered.pipeline.only("AWS::S3::Bucket")
    keeping = [
        name
        for name, r in delivered.pipeline.resources.items()
        if r.get("DeletionPolicy") not in (None, "Delete")
    ]

    assert keeping == []
    assert delivered.pipeline.resources[bucket]["DeletionPolicy"] == "Delete"
    assert delivered.pipeline.one("Custom::S3AutoDeleteObjects")["BucketName"] == {"Ref": bucket}


def test_s52_the_helper_that_empties_the_bucket_logs_to_an_owned_group(
    delivered: Delivered,
) -> None:
    (helper,) = delivered.pipeline.properties("AWS::Lambda::Function")
    group = delivered.pipeline.resources[helper["LoggingConfig"]["LogGroup"]["Ref"]]

    assert group["Properties"]["LogGroupName"] == (
        f"/aws/lambda/pipeline-s3-auto-delete-objects-{SUFFIX}"
    )


def test_s63_artifacts_are_encrypted_with_the_pipelines_key_private_and_temporary(
    delivered: Delivered,
) -> None:
    key, _ = delivered.pipeline.only("AWS::KMS::Key")
    bucket = delivered.pipeline.one("AWS::S3::Bucket")
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    store = delivered.pipeline.one("AWS::CodePipeline::Pipeline")["ArtifactStore"]

    assert bucket["BucketName"] == f"transaction-artifacts-000000000000-{SUFFIX}"
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == {"Fn::GetAtt": [key, "Arn"]}
    assert store["EncryptionKey"] == {"Id": {"Fn::GetAtt": [key, "Arn"]}, "Type": "KMS"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 30


def test_without_an_account_the_pipeline_is_in_the_account_that_deploys_it(
    from_github: Delivered,
) -> None:
    assert from_github.pipeline.one("AWS::S3::Bucket")["BucketName"] == {
        "Fn::Join": ["", ["transaction-artifacts-", {"Ref": "AWS::AccountId"}, "-main-v4grq1"]]
    }


def test_s63_the_pipeline_has_its_own_key_with_rotation(delivered: Delivered) -> None:
    """Builds cannot use the key of the environment's data."""
    key = delivered.pipeline.one("AWS::KMS::Key")
    alias = delivered.pipeline.one("AWS::KMS::Alias")

    assert key["EnableKeyRotation"] is True
    assert alias["AliasName"] == f"alias/transaction-pipeline-key-{SUFFIX}"


def test_s64_the_log_service_uses_the_key_for_the_groups_of_this_pipeline(
    delivered: Delivered,
) -> None:
    (condition,) = (
        s["Condition"]
        for s in delivered.pipeline.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]
        if s["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}
    )

    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:*-{SUFFIX}"
    groups = [arn, f"{arn}/*"]
    assert condition == {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}}


def test_s52_build_logs_are_encrypted_with_the_pipelines_key(delivered: Delivered) -> None:
    key, _ = delivered.pipeline.only("AWS::KMS::Key")

    for group in delivered.pipeline.properties("AWS::Logs::LogGroup"):
        assert group["KmsKeyId"] == {"Fn::GetAtt": [key, "Arn"]}


def test_the_topic_is_notified_of_failures_successes_and_approvals(delivered: Delivered) -> None:
    topic, properties = delivered.pipeline.only("AWS::SNS::Topic")
    key, _ = delivered.pipeline.only("AWS::KMS::Key")
    pipeline, _ = delivered.pipeline.only("AWS::CodePipeline::Pipeline")
    rule = delivered.pipeline.one("AWS::CodeStarNotifications::NotificationRule")

    assert set(rule["EventTypeIds"]) == {
        "codepipeline-pipeline-pipeline-execution-failed",
        "codepipeline-pipeline-pipeline-execution-succeeded",
        "codepipeline-pipeline-manual-approval-needed",
    }
    assert rule["Name"] == properties["TopicName"] == f"transaction-pipeline-events-{SUFFIX}"
    assert rule["Targets"] == [{"TargetAddress": {"Ref": topic}, "TargetType": "SNS"}]
    assert pipeline in json.dumps(rule["Resource"])
    assert properties["KmsMasterKeyId"] == {"Fn::GetAtt": [key, "Arn"]}


def test_s51_a_given_address_is_notified_of_runs(delivered: Delivered, trunk: Delivered) -> None:
    topic, _ = trunk.pipeline.only("AWS::SNS::Topic")

    assert delivered.pipeline.all("AWS::SNS::Subscription") == {}
    assert trunk.pipeline.one("AWS::SNS::Subscription") == {
        "Endpoint": "ops@example.com",
        "Protocol": "email",
        "TopicArn": {"Ref": topic},
    }


def test_runs_of_a_branch_are_notified_by_the_hubs_topic(of_the_hub: Delivered) -> None:
    assert of_the_hub.hub is not None
    topic = of_the_hub.hub.one("AWS::SNS::Topic")["TopicName"]
    rule = of_the_hub.pipeline.one("AWS::CodeStarNotifications::NotificationRule")

    (target,) = rule["Targets"]
    assert target["TargetAddress"] == f"arn:aws:sns:us-east-1:000000000000:{topic}"
    for kind in ("Topic", "TopicPolicy", "Subscription"):
        assert of_the_hub.pipeline.all(f"AWS::SNS::{kind}") == {}


def test_the_address_confirms_once_for_the_hub_and_all_branches(of_the_hub: Delivered) -> None:
    templates = [*of_the_hub.outdir.rglob("*.template.json")]
    subscriptions = [
        template.name
        for template in templates
        for resource in json.loads(template.read_text())["Resources"].values()
        if resource["Type"] == "AWS::SNS::Subscription"
    ]
    assert len(templates) >= 3  # hub, pipeline and environment
    assert [name.split("-")[0] for name in subscriptions] == ["BranchHub"]


def test_s63_the_topic_is_for_tls_only_and_for_the_notifications(delivered: Delivered) -> None:
    statements = delivered.pipeline.one("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    denied = [s["Condition"] for s in statements if s["Effect"] == "Deny"]
    allowed = [s["Principal"] for s in statements if s["Effect"] == "Allow"]

    assert denied == [{"Bool": {"aws:SecureTransport": "false"}}]
    assert allowed == [{"Service": "codestar-notifications.amazonaws.com"}]
    # Otherwise no message would reach the encrypted topic.
    key_statements = delivered.pipeline.one("AWS::KMS::Key")["KeyPolicy"]["Statement"]
    assert allowed[0] in [s["Principal"] for s in key_statements]
