"""Settings of the functions that decide about environments: lifecycle and reconciler."""

from dataclasses import dataclass
from typing import Final

from lambda_src.shared.environment_variables import EnvironmentSettings

NO_SCHEDULE: Final = "no schedule"


@dataclass(frozen=True, kw_only=True)
class BranchLifecycleSettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    git_host: str  # JSON: kind, and settings of that kind of host
    repository: str
    hub_secret_arn: str  # JSON with token, which is empty for CodeCommit
    branch_table_name: str
    trunk: str
    protected_branches: str  # a JSON array of patterns: release/*
    environment_quota: int
    # What one environment of a branch needs, and each of the trunk's: account_room.py reads them.
    branch_needs: str
    trunk_needs: str
    lifetime_days: int
    sleeps_until: str  # when the schedule wakes environments, for people; or NO_SCHEDULE
