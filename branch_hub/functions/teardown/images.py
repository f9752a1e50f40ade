"""Container images of an environment. Environments share them: the tag is a content hash."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from branch_hub.functions.shared.stacks import DeployedStack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_ecr import ECRClient

# The hub's repository; the tag is the hash of the image's sources. That of the bootstrap holds the
# images of the trunk.
_IMAGE: Final = re.compile(r"/(?P<repository>branch-images-hub-[0-9a-v]{6}):(?P<tag>[0-9a-f]{64})")
_BATCH_MAX: Final = 100


@dataclass(frozen=True, order=True, kw_only=True)
class Image:
    repository: str
    tag: str

    @classmethod
    def parse(cls, fields: Any) -> "Image":
        return cls(repository=fields["repository"], tag=fields["tag"])

    def to_json(self) -> dict[str, str]:
        return {"repository": self.repository, "tag": self.tag}


def images_in(text: str) -> set[Image]:
    return {Image(**match.groupdict()) for match in _IMAGE.finditer(text)}


class Images:
    """Needs `cloudformation:GetTemplate` and `ecr:BatchDeleteImage`."""

    def __init__(self, *, cloudformation: "CloudFormationClient", ecr: "ECRClient") -> None:
        self._cloudformation = cloudformation
        self._ecr = ecr

    def of(self, stack: DeployedStack) -> set[Image]:
        """The images that the deployed template names."""
        try:
            answer = self._cloudformation.get_template(StackName=stack.arn)
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return set()  # it was deleted meanwhile
            raise
        body = answer.get("TemplateBody", "")
        text = body if isinstance(body, str) else json.dumps(body)
        _, _, _, region, account, *_ = stack.arn.split(":")
        resolved = text.replace("${AWS::AccountId}", account).replace("${AWS::Region}", region)
        return images_in(resolved)

    def unused(self, images: Iterable[Image], live: Iterable[DeployedStack]) -> list[Image]:
        """Return the images that no template of the `live` stacks names."""
        left = set(images)
        for stack in live:
            if not left:
                break
            left -= self.of(stack)
        return sorted(left)

    def delete(self, images: Iterable[Image]) -> Iterator[str]:
        """Yield the deleted images, without those that did not exist any more."""
        by_repository: dict[str, list[str]] = {}
        for image in images:
            by_repository.setdefault(image.repository, []).append(image.tag)
        for repository, tags in by_repository.items():
            for start in range(0, len(tags), _BATCH_MAX):
                yield from self._delete(repository, tags[start : start + _BATCH_MAX])

    def _delete(self, repository: str, tags: list[str]) -> Iterator[str]:
        try:
            answer = self._ecr.batch_delete_image(
                repositoryName=repository, imageIds=[{"imageTag": tag} for tag in tags]
            )
        except self._ecr.exceptions.RepositoryNotFoundException:
            return
        for image in answer.get("imageIds", []):
            yield f"image {repository}:{image['imageTag']}"
