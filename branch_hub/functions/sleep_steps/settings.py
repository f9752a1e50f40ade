"""Settings of the function that stops and starts the parts of an environment."""

from dataclasses import dataclass

from lambda_src.shared.environment_variables import EnvironmentSettings


@dataclass(frozen=True, kw_only=True)
class BranchSleepStepsSettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    trunk: str
