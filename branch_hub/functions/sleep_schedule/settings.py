"""Settings of the function that the sleep schedule calls."""

from dataclasses import dataclass

from lambda_src.shared.environment_variables import EnvironmentSettings


@dataclass(frozen=True, kw_only=True)
class BranchSleepScheduleSettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    branch_table_name: str
    trunk: str
    sleep_machine_arn: str
    wake_machine_arn: str
