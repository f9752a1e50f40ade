"""Settings of the asset collector."""

from dataclasses import dataclass

from lambda_src.shared.environment_variables import EnvironmentSettings


@dataclass(frozen=True, kw_only=True)
class AssetCollectorSettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    repository: str
    branch_table_name: str
    notices_topic_arn: str
    branch_repository_name: str
    kept_days: int  # an asset stays as long after the last template that named it
