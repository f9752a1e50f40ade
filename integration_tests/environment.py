"""The deployed environment under test, as its stack outputs describe it."""

import base64
import os
import ssl
from dataclasses import dataclass
from pathlib import Path


class MissingOutput(Exception):
    """A stack output that the tests need is not in the environment."""


@dataclass(frozen=True, kw_only=True)
class DeployedEnvironment:
    """Addresses of one deployed environment; a public certificate has no `certificate_der`."""

    suffix: str
    api_url: str
    certificate_der: bytes
    transaction_queue_url: str
    audit_bucket_name: str
    audit_verifier_name: str
    sessions_table_name: str
    api_credentials_secret_name: str

    @classmethod
    def from_environment(cls) -> "DeployedEnvironment":
        """Read the pipeline's variables. Raises MissingOutput, naming the first one missing."""
        return cls(
            suffix=_required("ENVIRONMENT_SUFFIX"),
            api_url=_required("API_URL").rstrip("/"),
            certificate_der=base64.b64decode(os.environ.get("API_CERTIFICATE_DER", "")),
            transaction_queue_url=_required("TRANSACTION_QUEUE_URL"),
            audit_bucket_name=_required("AUDIT_BUCKET_NAME"),
            audit_verifier_name=_required("AUDIT_VERIFIER_NAME"),
            sessions_table_name=_required("SESSIONS_TABLE_NAME"),
            api_credentials_secret_name=_required("API_CREDENTIALS_SECRET_NAME"),
        )

    def write_roots(self, folder: Path) -> Path | None:
        """The certificate to trust, as a PEM file; None if the usual roots suffice."""
        if not self.certificate_der:
            return None
        file = folder / "api.pem"
        file.write_text(ssl.DER_cert_to_PEM_cert(self.certificate_der))
        return file


def _required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise MissingOutput(
            f"{name} is not set: expected the stack output of that name; the pipeline sets it, "
            "and `make integration-test` by hand needs it exported"
        )
    return value
