"""AWS::S3::Bucket: sets tags, and refuses to delete a bucket with objects, as AWS does."""

from local_cloud.aws import AwsClients
from local_cloud.emulator.ministack_adapter import (
    Attributes,
    Follower,
    Properties,
    corrections,
)


def bucket_followers(aws: AwsClients) -> dict[str, Follower]:
    """The follower of buckets, by type."""

    def created(name: str, properties: Properties, _: Attributes) -> None:
        _tag(name, properties)

    def updated(name: str, _: Properties, new: Properties, __: Attributes) -> None:
        _tag(name, new)

    def deleting(name: str, _: Properties) -> None:
        try:
            found = aws.s3.list_object_versions(Bucket=name, MaxKeys=1)
        except aws.s3.exceptions.NoSuchBucket:
            return
        if found.get("Versions") or found.get("DeleteMarkers"):
            raise ValueError(f"The bucket you tried to delete is not empty: {name}")

    return {
        "AWS::S3::Bucket": Follower(created=created, updated=updated, deleting=deleting),
    }


def _tag(name: str, properties: Properties) -> None:
    tags = {tag["Key"]: str(tag["Value"]) for tag in properties.get("Tags", [])}
    corrections.set_bucket_tags(name, tags)
