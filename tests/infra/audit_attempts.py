"""All requests with which a record of the audit trail could be changed or removed."""

from typing import Final

KEY: Final = "audit/2026/01/01/batch.ndjson.gz"
# A request that creates an object; a part of a multipart upload is none.
CREATES: Final = {"s3:objectcreationoperation": "true"}
ON_RECORDS: Final = (
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:PutObjectAcl",
    "s3:PutObjectTagging",
    "s3:PutObjectRetention",
    "s3:PutObjectLegalHold",
    "s3:BypassGovernanceRetention",
    "s3:ReplicateDelete",
    "s3:ObjectOwnerOverrideToBucketOwner",
)
ON_BUCKET: Final = (
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:PutLifecycleConfiguration",
    "s3:PutBucketVersioning",
    "s3:PutReplicationConfiguration",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketAcl",
    "s3:PutBucketObjectLockConfiguration",
    "s3:DeleteBucket",
)
