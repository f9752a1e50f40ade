"""Renews the server certificate in place: the load balancer keeps its ARN, clients their trust."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from lambda_src.environment_certificate.authority import AuthoritySecret, check_end
from lambda_src.environment_certificate.certificate import Lifetime, create_server_certificate
from lambda_src.environment_certificate.request import CertificateRequest

if TYPE_CHECKING:
    from mypy_boto3_acm import ACMClient

# A lifetime has this many parts; the certificate is renewed in the last one.
_PARTS_OF_A_LIFETIME = 3

logger = logging.getLogger(__name__)


def renew(
    certificate_arn: str,
    request: CertificateRequest,
    *,
    acm: "ACMClient",
    authority_secret: AuthoritySecret,
    now: datetime,
    if_due: bool,
) -> None:
    """Import a new server certificate under `certificate_arn`; with `if_due` only near its end.

    Safe to repeat and to run twice at once: each import replaces certificate and key together.

    Raises AuthorityMissing or the error of an AWS API if it could not be renewed, and
    AuthorityEnds after it was.
    """
    authority = authority_secret.get(request)
    served = acm.get_certificate(CertificateArn=certificate_arn)["Certificate"]
    if not if_due or is_due(served, now=now):
        renewed = create_server_certificate(
            request.names,
            authority=authority,
            common_name=authority_secret.common_name,
            now=now,
            validity=request.validity,
        )
        # Without tags: ACM refuses them here, and keeps those of the first import.
        acm.import_certificate(
            CertificateArn=certificate_arn,
            Certificate=renewed.certificate_pem.encode(),
            PrivateKey=renewed.private_key_pem.encode(),
            CertificateChain=authority.certificate_pem.encode(),
        )
        ends = Lifetime.of(renewed.certificate_pem).ends
        logger.info("certificate renewed", extra={"ends": ends.isoformat()})
    check_end(authority, now=now)


def is_due(certificate_pem: str, *, now: datetime) -> bool:
    """Whether less than a third of the certificate's lifetime is left."""
    lifetime = Lifetime.of(certificate_pem)
    return lifetime.ends - now < (lifetime.ends - lifetime.begins) / _PARTS_OF_A_LIFETIME
