"""AWS::S3::Bucket: sets tags and Object Lock, and does not delete a bucket with objects, as AWS."""

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
        lock(name, properties)

    def updated(name: str, _: Properties, new: Properties, __: Attributes) -> None:
        _tag(name, new)
        lock(name, new)

    def lock(name: str, properties: Properties) -> None:
        configuration = properties.get("ObjectLockConfiguration")
        if configuration:
            retention = configuration["Rule"]["DefaultRetention"]
            aws.s3.put_object_lock_configuration(
                Bucket=name,
                ObjectLockConfiguration={
                    "ObjectLockEnabled": "Enabled",
                    "Rule": {
                        "DefaultRetention": {
                            "Mode": retention["Mode"],
                            "Days": int(retention["Days"]),
                        }
                    },
                },
            )

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
