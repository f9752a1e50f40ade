"""The certificate's events: created, replaced and deleted by CloudFormation, renewed daily."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lambda_src.environment_certificate.authority import AuthoritySecret
from lambda_src.environment_certificate.certificate import create_server_certificate
from lambda_src.environment_certificate.renewal import renew
from lambda_src.environment_certificate.request import CertificateRequest

if TYPE_CHECKING:
    from mypy_boto3_acm import ACMClient

# Events that do not come from CloudFormation: of the schedule, and of an operator.
RENEW_IF_DUE, RENEW_NOW = "Renew", "RenewNow"
# A deleted load balancer keeps its certificate in use for some minutes.
_DELETE_PAUSE_SECONDS = 10.0


def on_event(
    event: Mapping[str, Any],
    *,
    acm: "ACMClient",
    authority_secret: AuthoritySecret,
    now: Callable[[], datetime],
    pause: Callable[[float], None],
    seconds_left: Callable[[], float],
) -> dict[str, Any]:
    """Answer one request of the custom resource provider framework, or of the schedule.

    The ARN is the physical id. An update imports a new certificate: CloudFormation gives it to the
    users of the old one and then asks to delete the old one. A delete waits while the certificate
    is in use and there are `seconds_left`, because CloudFormation does not ask again.

    Raises InvalidProperties, AuthorityMissing, AuthorityEnds or the error of an AWS API.
    """
    if event["RequestType"] == "Delete":
        _delete(event["PhysicalResourceId"], acm, pause, seconds_left)
        return {}
    request = CertificateRequest.parse(event["ResourceProperties"])
    if event["RequestType"] in (RENEW_IF_DUE, RENEW_NOW):
        renew(
            event["CertificateArn"],
            request,
            acm=acm,
            authority_secret=authority_secret,
            now=now(),
            if_due=event["RequestType"] == RENEW_IF_DUE,
        )
        return {}
    authority = authority_secret.get_or_create(request, now=now(), request_id=event["RequestId"])
    created = create_server_certificate(
        request.names,
        authority=authority,
        common_name=authority_secret.common_name,
        now=now(),
        validity=request.validity,
    )
    imported = acm.import_certificate(
        Certificate=created.certificate_pem.encode(),
        PrivateKey=created.private_key_pem.encode(),
        CertificateChain=authority.certificate_pem.encode(),
        Tags=[{"Key": "Name", "Value": authority_secret.common_name}],
    )
    return {
        "PhysicalResourceId": imported["CertificateArn"],
        "Data": {
            "CertificateArn": imported["CertificateArn"],
            "CertificatePem": authority.certificate_pem,
            "CertificateDerBase64": authority.der_base64,
        },
    }


def _delete(
    physical_id: str,
    acm: "ACMClient",
    pause: Callable[[float], None],
    seconds_left: Callable[[], float],
) -> None:
    if ":certificate/" not in physical_id:
        return  # a create failed before there was a certificate
    while True:
        try:
            acm.delete_certificate(CertificateArn=physical_id)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ResourceNotFoundException":
                return
            # Twice the pause: the last attempt needs time, too.
            if code != "ResourceInUseException" or seconds_left() < 2 * _DELETE_PAUSE_SECONDS:
                raise
            pause(_DELETE_PAUSE_SECONDS)
        else:
            return
