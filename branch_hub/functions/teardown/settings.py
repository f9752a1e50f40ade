"""What the teardown is told by its environment."""

from dataclasses import dataclass

from lambda_src.shared.environment_variables import EnvironmentSettings


@dataclass(frozen=True, kw_only=True)
class BranchTeardownSettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    repository: str  # stacks that are tagged with another repository are not ours
    trunk: str
    hub_suffix: str
