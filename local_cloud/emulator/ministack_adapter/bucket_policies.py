"""Whether the policy of a bucket denies the creation of an object."""

from collections.abc import Mapping

from local_cloud.aws import ACCOUNT, REGION


def denies_creation(bucket: str, key: str, *, if_none_match: str | None) -> bool:
    """Evaluate the denials for `s3:PutObject`, for a caller who is not named and uses TLS."""
    from ministack.core.iam_evaluator import (  # noqa: PLC0415
        EvalContext,
        evaluate_resource_policy,
    )
    from ministack.services import s3  # noqa: PLC0415

    resource = f"arn:aws:s3:::{bucket}/{key}"
    found = s3.bucket_policy_for_arn(resource)
    if found is None or not found[0]:
        return False
    header: Mapping[str, str] = {"s3:if-none-match": if_none_match} if if_none_match else {}
    request = EvalContext(
        principal_arn=f"arn:aws:iam::{ACCOUNT}:root",
        principal_type="Root",
        principal_account=ACCOUNT,
        action="s3:PutObject",
        resource_arn=resource,
        region=REGION,
        secure_transport=True,  # the local endpoint has no TLS
        service_context={
            "s3:objectcreationoperation": "true",
            "s3:tlsversion": "1.3",
            **header,
        },
    )
    return bool(evaluate_resource_policy(found[0], request).decision == "Deny")
