"""Settings of the intake function."""

from dataclasses import dataclass

from lambda_src.shared.environment_variables import EnvironmentSettings


@dataclass(frozen=True, kw_only=True)
class BranchIntakeSettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    git_host: str  # JSON: kind, and settings of that kind of host
    repository: str  # its name at the git host: owner/name at GitHub
    hub_secret_arn: str  # JSON with webhook_secret and token
    branch_table_name: str
    event_bus_name: str
