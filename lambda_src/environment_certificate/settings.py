"""Settings of the function that creates and renews the certificate."""

from dataclasses import dataclass
from typing import Final

from lambda_src.shared.environment_variables import EnvironmentSettings

CERTIFICATE: Final = "transaction-certificate"  # the tag `Name`, with the suffix after it


@dataclass(frozen=True, kw_only=True)
class EnvironmentCertificateSettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    environment_suffix: str
    authority_secret_arn: str
