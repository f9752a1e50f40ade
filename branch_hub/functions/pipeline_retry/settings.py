"""Settings of the pipeline retry."""

from dataclasses import dataclass

from lambda_src.shared.environment_variables import EnvironmentSettings


@dataclass(frozen=True, kw_only=True)
class PipelineRetrySettings(EnvironmentSettings):
    """Infra writes these with `to_env`; the entrypoint reads them with `from_env`."""

    branch_table_name: str
