"""S63: every resource of every stack that can have a key has the key of its stack.

Which types can have one is read from CloudFormation's schemas, so a new type fails here until it
has a key or a reason. On the way: every bucket, queue and topic refuses requests without TLS.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from checks.assembly import StackTemplate, stack_templates
from tests.delivered import Delivered
from tests.infra.evaluation import arn_of, denies_plain_http, resolved
from tests.infra.templates import text

# Where the key of a type stands.
KEY_AT: Final = {
    "AWS::CodeBuild::Project": "EncryptionKey",
    "AWS::CodePipeline::Pipeline": "ArtifactStore/EncryptionKey/Id",
    "AWS::DynamoDB::Table": "SSESpecification/KMSMasterKeyId",
    "AWS::ECR::Repository": "EncryptionConfiguration/KmsKey",
    "AWS::Events::EventBus": "KmsKeyIdentifier",
    "AWS::Lambda::Function": "KmsKeyArn",
    "AWS::Logs::LogGroup": "KmsKeyId",
    "AWS::RDS::DBCluster": "KmsKeyId",
    "AWS::RDS::DBInstance": "PerformanceInsightsKMSKeyId",
    "AWS::S3::Bucket": "BucketEncryption/ServerSideEncryptionConfiguration/0"
    "/ServerSideEncryptionByDefault/KMSMasterKeyID",
    "AWS::Scheduler::Schedule": "KmsKeyArn",
    "AWS::SNS::Topic": "KmsMasterKeyId",
    "AWS::SQS::Queue": "KmsMasterKeyId",
    "AWS::SecretsManager::Secret": "KmsKeyId",
    "AWS::StepFunctions::StateMachine": "EncryptionConfiguration/KmsKeyId",
}
# Types that can have a key, and why ours need none.
STORES_NOTHING: Final = {
    "AWS::CodeBuild::ReportGroup": "exports nothing",
    "AWS::ECS::Cluster": "no commands are run in tasks; /tmp of a task, encrypted by a key of "
    "AWS, holds the task's own certificate and ends with it",
    "AWS::ECS::Service": "has no volumes and no Service Connect",
    "AWS::Lambda::EventSourceMapping": "has no filter",
}
# S22 asks for SSE-S3, and load balancers deliver access logs to no other bucket:
# docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
BY_S3: Final = ("AuditStore/Bucket", "LoadBalancer/AccessLogs")
# The first is for the case that the environment's key cannot be used; the second holds outcomes of
# integration tests only.
BY_SQS: Final = ("Outcomes/DeadLetters", "OutcomeProbe/Queue")
_KEY_NAME: Final = re.compile(r"(?i)kms\w*key|encryptionkey$")


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A template from an assembly."""

    template: StackTemplate
    resources: dict[str, Any]

    @property
    def key(self) -> str:
        (key,) = (n for n, r in self.resources.items() if r["Type"] == "AWS::KMS::Key")
        return key


@pytest.fixture(scope="module", params=["delivered", "trunk"])
def stacks(request: pytest.FixtureRequest) -> list[Stack]:
    found: Delivered = request.getfixturevalue(request.param)
    return [
        Stack(template=template, resources=json.loads(template.file.read_text())["Resources"])
        for template in stack_templates(found.outdir)
    ]


def can_have_a_key(kind: str) -> bool:
    if "::" not in kind or kind.startswith("Custom::"):
        return False
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    return any(_KEY_NAME.search(name) for name in _names(schema))


def _names(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from _names(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _names(part)


def at(properties: Any, path: str) -> Any:
    for name in path.split("/"):
        if isinstance(properties, list):
            properties = properties[int(name)]
        else:
            properties = properties.get(name, {})
    return properties


def test_s63_every_type_that_can_have_a_key_is_known(stacks: list[Stack]) -> None:
    kinds = {r["Type"] for stack in stacks for r in stack.resources.values()}

    unknown = kinds - KEY_AT.keys() - STORES_NOTHING.keys() - {"AWS::KMS::Alias"}
    assert {kind for kind in unknown if can_have_a_key(kind)} == set()
    assert all(can_have_a_key(kind) for kind in KEY_AT)


def test_s63_everything_at_rest_has_the_key_of_its_stack(stacks: list[Stack]) -> None:
    for stack in stacks:
        own = ({"Fn::GetAtt": [stack.key, "Arn"]}, {"Ref": stack.key})
        without = {
            stack.template.place(name)
            for name, resource in stack.resources.items()
            if (path := KEY_AT.get(resource["Type"]))
            # The key of a function encrypts its variables.
            and (path != "KmsKeyArn" or "Environment" in resource["Properties"])
            and at(resource["Properties"], path) not in own
        }

        # A construct path ends in `/Resource`.
        others = BY_S3 + BY_SQS
        assert {p for p in without if not p.removesuffix("/Resource").endswith(others)} == set()


def test_s63_what_has_no_key_of_ours_is_encrypted_by_s3(stacks: list[Stack]) -> None:
    for stack in stacks:
        for name, resource in stack.resources.items():
            place = stack.template.place(name).removesuffix("/Resource")
            if resource["Type"] == "AWS::S3::Bucket" and place.endswith(BY_S3):
                rule = at(resource["Properties"], KEY_AT["AWS::S3::Bucket"].rpartition("/")[0])
                assert rule == {"SSEAlgorithm": "AES256"}


def test_s63_what_has_no_key_of_ours_is_encrypted_by_sqs(stacks: list[Stack]) -> None:
    for stack in stacks:
        for name, resource in stack.resources.items():
            place = stack.template.place(name).removesuffix("/Resource")
            if resource["Type"] == "AWS::SQS::Queue" and place.endswith(BY_SQS):
                assert resource["Properties"]["SqsManagedSseEnabled"] is True


def test_s63_the_database_is_encrypted(stacks: list[Stack]) -> None:
    """With a key but without this switch, the storage is not."""
    clusters = [
        r["Properties"]
        for stack in stacks
        for r in stack.resources.values()
        if r["Type"] == "AWS::RDS::DBCluster"
    ]
    assert clusters
    assert all(cluster["StorageEncrypted"] is True for cluster in clusters)


# The policy of each type, what it names, and an action that it must deny.
POLICIES: Final = {
    "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket", "s3:GetObject"),
    "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues", "sqs:SendMessage"),
    "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics", "sns:Publish"),
}


def test_s63_every_bucket_queue_and_topic_refuses_requests_without_tls(
    stacks: list[Stack],
) -> None:
    for stack in stacks:
        for name, resource in stack.resources.items():
            if resource["Type"] not in POLICIES:
                continue
            kind, of, action = POLICIES[resource["Type"]]
            arn = arn_of(stack, name) if of != "Topics" else name
            reference = text({"Ref": name})
            denied = [
                denies_plain_http(
                    resolved(stack, policy["Properties"]["PolicyDocument"]),
                    action=action,
                    resource=f"{arn}/any" if of == "Bucket" else arn,
                )
                for policy in stack.resources.values()
                if policy["Type"] == kind and reference in text(policy["Properties"][of])
            ]
            assert denied == [True], stack.template.place(name)
