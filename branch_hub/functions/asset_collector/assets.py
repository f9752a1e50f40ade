"""The published assets of an account and region: objects and images.

Objects lie in the bucket of the CDK bootstrap. Images lie in its repository, those of branches in
one of the hub's.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from branch_hub.functions.asset_collector.references import HASH

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_s3 import S3Client

BOOTSTRAP_STACK: Final = "CDKToolkit"
OBJECT, IMAGE = "object", "image"
_OBJECTS_MAX: Final = 1000
_IMAGES_MAX: Final = 100


class NotBootstrapped(Exception):
    """The bootstrap's stack has no output with the name of its bucket or repository."""


@dataclass(frozen=True, kw_only=True)
class Asset:
    kind: str
    name: str  # the object's key, or the image's repository and tag
    content_hash: str
    published_at: datetime

    @property
    def id(self) -> str:
        return f"{self.kind} {self.name}"


class AssetStore:
    """Needs `cloudformation:DescribeStacks`, `s3:ListBucket` and `DeleteObject`,
    `ecr:DescribeImages` and `BatchDeleteImage`."""

    def __init__(
        self,
        *,
        cloudformation: "CloudFormationClient",
        s3: "S3Client",
        ecr: "ECRClient",
        branch_repository: str,
    ) -> None:
        self._s3, self._ecr = s3, ecr
        (stack,) = cloudformation.describe_stacks(StackName=BOOTSTRAP_STACK)["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
        try:
            self._bucket = outputs["BucketName"]
            self._repositories = (outputs["ImageRepositoryName"], branch_repository)
        except KeyError as error:
            raise NotBootstrapped(
                f"stack {BOOTSTRAP_STACK} has no output {error}: run cdk bootstrap again"
            ) from error

    def all(self) -> Iterator[Asset]:
        """Everything that is named by a content hash; other objects and images are no assets."""
        for objects in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket):
            for item in objects.get("Contents", []):
                yield from _asset(OBJECT, item["Key"], item["LastModified"])
        for repository in self._repositories:
            for images in self._ecr.get_paginator("describe_images").paginate(
                repositoryName=repository, filter={"tagStatus": "TAGGED"}
            ):
                for image in images["imageDetails"]:
                    for tag in image["imageTags"]:
                        yield from _asset(IMAGE, f"{repository}:{tag}", image["imagePushedAt"])

    def delete(self, assets: Iterable[Asset]) -> Iterator[str]:
        """Yield `not deleted: ...` for each that could not be deleted.

        The bucket keeps versions, and no version is deleted: an object can be restored until the
        bootstrap's lifecycle rule deletes it, 30 days later. An image cannot be restored.
        """
        names: dict[str, list[str]] = {OBJECT: [], IMAGE: []}
        for asset in assets:
            names[asset.kind].append(asset.name)
        for keys in _batches(names[OBJECT], _OBJECTS_MAX):
            answer = self._s3.delete_objects(
                Bucket=self._bucket,
                Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True},
            )
            for refused in answer.get("Errors", []):
                yield f"not deleted: object {refused.get('Key')}: {refused.get('Message')}"
        for repository in self._repositories:
            mine = [n.partition(":")[2] for n in names[IMAGE] if n.startswith(f"{repository}:")]
            yield from self._delete_images(repository, mine)

    def _delete_images(self, repository: str, names: list[str]) -> Iterator[str]:
        for tags in _batches(names, _IMAGES_MAX):
            # By tag: the same image may have another tag that a template names.
            deleted = self._ecr.batch_delete_image(
                repositoryName=repository, imageIds=[{"imageTag": tag} for tag in tags]
            )
            for failure in deleted.get("failures", []):
                if failure.get("failureCode") != "ImageNotFound":
                    tag = failure.get("imageId", {}).get("imageTag")
                    yield f"not deleted: image {tag}: {failure.get('failureReason')}"


def _asset(kind: str, name: str, published_at: datetime) -> Iterator[Asset]:
    found = HASH.search(name.rpartition("/")[2])
    if found is not None:
        yield Asset(
            kind=kind,
            name=name,
            content_hash=found[0],
            published_at=published_at.astimezone(UTC),
        )


def _batches(names: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]
