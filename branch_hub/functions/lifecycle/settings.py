"""What the lifecycle of environments is told by its environment."""

from dataclasses import dataclass

from lambda_src.shared.environment_variables import EnvironmentSettings


@dataclass(frozen=True, kw_only=True)
class BranchLifecycleSettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    source_kind: str  # github or codecommit
    repository: str
    github_api_url: str  # not used for codecommit
    hub_secret_arn: str  # JSON with github_token, which may be empty
    branch_table_name: str
    trunk: str
    protected_branches: str  # a JSON array of patterns: release/*
    environment_quota: int
    lifetime_days: int
    hub_suffix: str
