"""A bootstrapped account of the emulator, and its collector at a time that the test sets."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from branch_hub.functions.asset_collector.assets import AssetStore
from branch_hub.functions.asset_collector.collector import Collector
from branch_hub.functions.asset_collector.marks import Marks
from branch_hub.functions.asset_collector.references import References
from branch_hub.functions.asset_collector.revisions import Revisions
from branch_hub.functions.shared.executions import Executions
from branch_hub.functions.shared.pipeline_runs import PipelineRuns
from branch_hub.functions.shared.registry import Registry
from branch_hub.functions.shared.stacks import StackFinder
from tests.account import Account
from tests.aws_stubs import type_of_aws
from tests.branch_hub.git_server import REPOSITORY as SOURCE

BUCKET = "cdk-hnb659fds-assets-000000000000-us-east-1"
REPOSITORY = "cdk-hnb659fds-container-assets-000000000000-us-east-1"
OF_BRANCHES = "branch-images-hub-0a1b2c"
_BOOTSTRAP = {
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    "Outputs": {
        "BucketName": {"Value": BUCKET},
        "ImageRepositoryName": {"Value": REPOSITORY},
    },
}


class Site:
    """A bootstrapped account, and its collector at a time that the test sets."""

    def __init__(self, account: Account, pipeline_calls: Stubber) -> None:
        self.account, self.pipeline_calls = account, pipeline_calls
        self.days = 0
        self._count = 0
        topic = account.client("sns").create_topic(Name=account.name("notices"))["TopicArn"]
        table = account.table(account.create_table())
        self.registry = Registry(table=table)
        self.notices: list[str] = []
        self.codepipeline: Any = account.client("codepipeline")
        cloudformation = account.client("cloudformation")
        self.collector = Collector(
            kept=timedelta(days=30),
            store=AssetStore(
                cloudformation=cloudformation,
                s3=account.client("s3"),
                ecr=account.client("ecr"),
                branch_repository=OF_BRANCHES,
            ),
            references=References(cloudformation=cloudformation),
            marks=Marks(table=table),
            revisions=Revisions(ecs=account.client("ecs")),
            stacks=StackFinder(cloudformation=cloudformation, repository=SOURCE),
            runs=PipelineRuns(codepipeline=self),
            registry=self.registry,
            executions=Executions(stepfunctions=account.client("stepfunctions")),
            sns=self,  # type: ignore[arg-type]
            topic_arn=topic,
            now=self.now,
        )

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=self.days)

    def publish(self, *, TopicArn: str, Subject: str, Message: str) -> None:  # noqa: N803
        self.notices.append(f"{Subject}\n{Message}")

    def get_paginator(self, operation: str) -> Any:
        return self.codepipeline.get_paginator(operation)

    def content_hash(self) -> str:
        self._count += 1
        return f"{self.account.name('')[1:]}".rjust(64, "a")

    def object(self) -> str:
        key = f"{self.content_hash()}.zip"
        self.account.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"code")
        return key

    def image(self, repository: str = REPOSITORY) -> str:
        tag = self.content_hash()
        self.account.client("ecr").put_image(
            repositoryName=repository, imageTag=tag, imageManifest=f'{{"layers": ["{tag}"]}}'
        )
        return tag

    def deploy(self, text: str, **tags: str) -> str:
        """A stack of any application, whose template contains `text`."""
        name = self.account.name("payroll")
        self.account.deploy(name, tags=tags, resources={"Topic": topic(text)})
        return name

    def collect(self, *, day: int, apply: bool = True) -> dict[str, Any]:
        self.days = day
        return self.collector.run({"apply": apply})

    def is_there(self, asset: str) -> bool:
        objects = self.account.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
        images = [
            image
            for repository in (REPOSITORY, OF_BRANCHES)
            for image in self.account.client("ecr").list_images(repositoryName=repository)[
                "imageIds"
            ]
        ]
        return asset in {o["Key"] for o in objects} | {i["imageTag"] for i in images}


def topic(text: str) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Metadata": {"asset": f"s3://{BUCKET}/{text}"}}


@pytest.fixture
def site(account: Account, aws: type_of_aws) -> Iterator[Site]:
    account.remove_pipelines()
    cloudformation, s3, ecr = (account.client(s) for s in ("cloudformation", "s3", "ecr"))
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for repository in (REPOSITORY, OF_BRANCHES):
        with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
            ecr.create_repository(repositoryName=repository)
    if account.status("CDKToolkit") == "GONE":
        cloudformation.create_stack(StackName="CDKToolkit", TemplateBody=json.dumps(_BOOTSTRAP))
        account.wait_for("CDKToolkit", "CREATE_COMPLETE")
    yield Site(account, aws("codepipeline")[1])
    cloudformation.delete_stack(StackName="CDKToolkit")
    account.wait_for("CDKToolkit", "GONE")
