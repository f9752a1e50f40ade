"""Settings of the function that creates the certificate."""

from dataclasses import dataclass

from lambda_src.shared.environment_variables import EnvironmentSettings


@dataclass(frozen=True, kw_only=True)
class EnvironmentCertificateSettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    environment_suffix: str
