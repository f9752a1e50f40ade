"""The environment's certificate authority. Its private key exists only in one secret."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lambda_src.environment_certificate.certificate import (
    Certificate,
    Lifetime,
    create_authority,
)
from lambda_src.environment_certificate.request import CertificateRequest

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_VALIDITY = timedelta(days=3650)
_NOTICE = timedelta(days=180)  # clients need time to take the next authority


class AuthorityMissing(Exception):
    """The secret holds no authority that may sign the requested certificate."""


class AuthorityEnds(Exception):
    """The authority must be replaced soon; server certificates are still renewed."""


@dataclass(frozen=True, kw_only=True)
class AuthoritySecret:
    """The secret that holds the authority, with what it was created for.

    `common_name` is that of server certificates.
    """

    secrets: "SecretsManagerClient"
    arn: str
    common_name: str

    def get(self, request: CertificateRequest) -> Certificate:
        """Return the authority for `request`. Raises AuthorityMissing if there is none."""
        found = self._find(request)
        if found is None:
            raise AuthorityMissing(
                f"the secret {self.arn} has no authority {request.authority!r} for "
                f"{', '.join(request.names)}: deploy the environment again, which creates one"
            )
        return found

    def get_or_create(
        self, request: CertificateRequest, *, now: datetime, request_id: str
    ) -> Certificate:
        """Return the authority for `request`, and create it if there is none.

        `request_id` makes it safe to repeat: two attempts at one request use the same authority.
        """
        found = self._find(request)
        if found is not None:
            return found
        created = create_authority(
            request.names,
            # Not the same name: then the issuer of a server certificate would be ambiguous.
            common_name=f"{self.common_name} authority",
            now=now,
            validity=_VALIDITY,
        )
        try:
            self.secrets.put_secret_value(
                SecretId=self.arn,
                ClientRequestToken=request_id,
                SecretString=_to_json(created, request),
            )
        except ClientError as error:
            # The other attempt has stored its authority.
            if error.response["Error"]["Code"] != "ResourceExistsException":
                raise
            return self.get(request)
        return created

    def _find(self, request: CertificateRequest) -> Certificate | None:
        try:
            text = self.secrets.get_secret_value(SecretId=self.arn).get("SecretString")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            text = None  # created without a value
        stored = json.loads(text) if text else {}
        if stored.get("authority") != request.authority or stored["names"] != [*request.names]:
            return None
        return Certificate(
            certificate_pem=stored["certificate_pem"], private_key_pem=stored["private_key_pem"]
        )


def check_end(authority: Certificate, *, now: datetime) -> None:
    """Raises AuthorityEnds half a year before the authority ends."""
    ends = Lifetime.of(authority.certificate_pem).ends
    if ends - now < _NOTICE:
        raise AuthorityEnds(
            f"the environment's certificate authority ends on {ends:%Y-%m-%d}: replace it, "
            "see docs/runbooks/certificate-expiry.md"
        )


def _to_json(authority: Certificate, request: CertificateRequest) -> str:
    return json.dumps(
        {
            "authority": request.authority,
            "names": [*request.names],
            "certificate_pem": authority.certificate_pem,
            "private_key_pem": authority.private_key_pem,
        }
    )
