"""S64: a pipeline's roles are allowed single actions, enough for CodePipeline and CodeBuild."""

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from pipeline.exact_actions import ExactActions
from tests.delivered import Delivered
from tests.infra.templates import Synthesized, as_list, text

# docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
BUILD_NEEDS = {"s3:GetObject", "s3:GetObjectVersion", "s3:GetBucketAcl", "s3:GetBucketLocation"}
# docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html
PIPELINE_NEEDS = {*BUILD_NEEDS, "s3:PutObject", "s3:GetBucketVersioning"}
# docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
KEY_NEEDS = {"kms:Decrypt", "kms:GenerateDataKey"}


@pytest.fixture(params=["delivered", "trunk", "across_accounts"])
def pipeline(request: pytest.FixtureRequest) -> Synthesized:
    found: Delivered = request.getfixturevalue(request.param)
    return found.pipeline


def allowed(stack: Synthesized, role: str, kind: str) -> set[str]:
    """The actions of a role (logical id) on the one resource of `kind`."""
    (resource,) = stack.all(kind)
    return {
        action
        for policy in stack.properties("AWS::IAM::Policy")
        if {"Ref": role} in policy["Roles"]
        for statement in policy["PolicyDocument"]["Statement"]
        if f'["{resource}", "Arn"]' in text(statement["Resource"])
        for action in as_list(statement["Action"])
    }


def test_the_pipeline_may_do_what_codepipeline_needs(pipeline: Synthesized) -> None:
    role = pipeline.one("AWS::CodePipeline::Pipeline")["RoleArn"]["Fn::GetAtt"][0]

    assert allowed(pipeline, role, "AWS::S3::Bucket") >= PIPELINE_NEEDS
    assert allowed(pipeline, role, "AWS::KMS::Key") >= KEY_NEEDS


def test_every_build_may_read_its_artifacts(pipeline: Synthesized) -> None:
    for project in pipeline.properties("AWS::CodeBuild::Project"):
        role = project["ServiceRole"]["Fn::GetAtt"][0]

        assert allowed(pipeline, role, "AWS::S3::Bucket") >= BUILD_NEEDS, project["Name"]
        assert "kms:Decrypt" in allowed(pipeline, role, "AWS::KMS::Key"), project["Name"]


def test_b12_no_build_may_start_another_one_or_write_to_the_logs_of_others(
    pipeline: Synthesized,
) -> None:
    """An asset build runs a Dockerfile: with StartBuild on all, it could start the self-update."""
    for policy in pipeline.properties("AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            if any(a.startswith(("codebuild:", "logs:")) for a in as_list(statement["Action"])):
                on = text(statement["Resource"]).rstrip('"]}')
                assert not on.endswith(('"*', "codebuild/*", "group/*")), on


def test_a_family_is_replaced_wherever_a_grant_writes_it() -> None:
    stack = cdk.Stack(cdk.App())
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("codebuild.amazonaws.com"))
    s3.Bucket(stack, "Bucket").grant_read(role)
    role.add_to_policy(iam.PolicyStatement(actions=["s3:List*"], resources=["*"]))
    cdk.Aspects.of(stack).add(ExactActions())

    (policy,) = Synthesized(stack).properties("AWS::IAM::Policy")
    actions = [s["Action"] for s in policy["PolicyDocument"]["Statement"]]
    assert "s3:ListBucket" in actions  # one action stays a text
    assert "*" not in text(actions)
