"""Empties resources that block the deletion of a stack, and deletes the stack again."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from branch_hub.functions.teardown.buckets import empty_bucket
from branch_hub.functions.teardown.deletion import Deletion

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import NetworkInterfaceTypeDef
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_s3 import S3Client

_IMAGES_MAX: Final = 100


class Unblocking:
    """Needs the permissions of `Deletion`, and those to empty buckets and repositories and delete
    detached network interfaces."""

    def __init__(
        self, *, deletion: Deletion, s3: "S3Client", ecr: "ECRClient", ec2: "EC2Client"
    ) -> None:
        self._deletion = deletion
        self._ecr = ecr
        self._ec2 = ec2
        self._ways: dict[str, Callable[[str], Iterator[str]]] = {
            "AWS::S3::Bucket": lambda name: empty_bucket(s3, name),
            "AWS::ECR::Repository": self._empty_repository,
            "AWS::EC2::SecurityGroup": lambda name: self._free("group-id", name),
            "AWS::EC2::Subnet": lambda name: self._free("subnet-id", name),
        }

    def unblock(self, name: str, suffix: str) -> dict[str, Any]:
        """Act only on a stack whose deletion failed, and on resources that CloudFormation names.

        Raises NotOurs.
        """
        stack = self._deletion.ours(name, suffix)
        if stack is None or not stack.is_half_deleted:
            return {"emptied": []}
        emptied: list[str] = []
        for resource in self._deletion.blocking(stack):
            way = self._ways.get(resource["ResourceType"])
            if way is not None and "PhysicalResourceId" in resource:
                emptied += way(resource["PhysicalResourceId"])
        self._deletion.delete(stack)
        return {"emptied": emptied}

    def _empty_repository(self, name: str) -> Iterator[str]:
        pages = self._ecr.get_paginator("list_images").paginate(repositoryName=name)
        try:
            # All pages are read first, because a deletion shifts them.
            images = [image for page in pages for image in page["imageIds"]]
        except self._ecr.exceptions.RepositoryNotFoundException:
            return
        for start in range(0, len(images), _IMAGES_MAX):
            batch = images[start : start + _IMAGES_MAX]
            self._ecr.batch_delete_image(repositoryName=name, imageIds=batch)
            yield f"{len(batch)} images of repository {name}"

    def _free(self, by: str, value: str) -> Iterator[str]:
        """Delete the interfaces that a function left; one in use is left for a later call."""
        pages = self._ec2.get_paginator("describe_network_interfaces").paginate(
            Filters=[
                {"Name": by, "Values": [value]},
                {"Name": "status", "Values": ["available"]},
            ]
        )
        for page in pages:
            for interface in page["NetworkInterfaces"]:
                # Checked again: a wrong filter would delete foreign interfaces.
                if interface.get("Status") == "available" and value in _places(interface):
                    identity = interface["NetworkInterfaceId"]
                    self._ec2.delete_network_interface(NetworkInterfaceId=identity)
                    yield f"network interface {identity}"


def _places(interface: "NetworkInterfaceTypeDef") -> set[str]:
    return {
        interface.get("SubnetId", ""),
        *(group.get("GroupId", "") for group in interface.get("Groups", [])),
    }
