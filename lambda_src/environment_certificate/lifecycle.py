"""The certificate as a CloudFormation custom resource: created, replaced and deleted with it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lambda_src.environment_certificate.certificate import create_certificate
from lambda_src.environment_certificate.settings import CERTIFICATE

if TYPE_CHECKING:
    from mypy_boto3_acm import ACMClient

_NAMES_MAX = 8  # a custom resource answers with at most 4 KB
_VALIDITY_DAYS_MAX = 825  # clients refuse certificates that are valid for longer
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DNS_NAME = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")
# A deleted load balancer keeps its certificate in use for some minutes.
_DELETE_PAUSE_SECONDS = 10.0


class InvalidProperties(Exception):
    """The template asks for an impossible certificate; the message names the property."""


@dataclass(frozen=True, kw_only=True)
class CertificateRequest:
    names: tuple[str, ...]
    validity: timedelta

    @classmethod
    def parse(cls, properties: Mapping[str, Any]) -> "CertificateRequest":
        """Raises InvalidProperties."""
        return cls(
            names=_names(properties.get("Names")),
            validity=timedelta(days=_days(properties.get("ValidityDays"))),
        )


def on_event(
    event: Mapping[str, Any],
    *,
    acm: "ACMClient",
    environment_suffix: str,
    now: Callable[[], datetime],
    pause: Callable[[float], None],
    seconds_left: Callable[[], float],
) -> dict[str, Any]:
    """Answer one request of the custom resource provider framework; the ARN is the physical id.

    An update creates a new certificate: CloudFormation gives it to the users of the old one and
    then asks to delete the old one. A delete waits while the certificate is in use and there are
    `seconds_left`, because CloudFormation does not ask again.

    Raises InvalidProperties or the error of ACM.
    """
    if event["RequestType"] == "Delete":
        _delete(event["PhysicalResourceId"], acm, pause, seconds_left)
        return {}
    request = CertificateRequest.parse(event["ResourceProperties"])
    name = f"{CERTIFICATE}-{environment_suffix}"
    created = create_certificate(
        request.names, common_name=name, now=now(), validity=request.validity
    )
    imported = acm.import_certificate(
        Certificate=created.certificate_pem.encode(),
        PrivateKey=created.private_key_pem.encode(),
        Tags=[{"Key": "Name", "Value": name}],
    )
    return {
        "PhysicalResourceId": imported["CertificateArn"],
        "Data": {
            "CertificateArn": imported["CertificateArn"],
            "CertificatePem": created.certificate_pem,
            "CertificateDerBase64": created.der_base64,
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


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= _NAMES_MAX:
        raise InvalidProperties(
            f"Names is {value!r}: a list of 1 to {_NAMES_MAX} names or addresses is needed"
        )
    for name in value:
        if not isinstance(name, str) or not (_is_address(name) or _is_dns_name(name)):
            raise InvalidProperties(f"Names holds {name!r}: neither a DNS name nor an IP address")
    return tuple(value)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_dns_name(name: str) -> bool:
    # A last label of digits only is a wrong address, not a name.
    is_numeric = name.rsplit(".", 1)[-1].isdigit()
    return len(name) <= 253 and not is_numeric and _DNS_NAME.fullmatch(name) is not None


def _days(value: Any) -> int:
    days = int(value) if re.fullmatch(r"[0-9]{1,4}", str(value)) else 0
    if not 1 <= days <= _VALIDITY_DAYS_MAX:
        raise InvalidProperties(
            f"ValidityDays is {value!r}: a whole number from 1 to {_VALIDITY_DAYS_MAX} is needed"
        )
    return days
