"""The version of Aurora that the deployment asks for."""

from collections.abc import Iterator

from infra.database import DatabaseConfig
from infra.errors import ConfigurationError
from operations.preflight.findings import Finding, Situation, fine, to_do
from pipeline.steps.engine_version import creatable_version


def engine(situation: Situation) -> Iterator[Finding]:
    wanted = situation.settings.engine_version or DatabaseConfig().engine_version
    try:
        line = creatable_version(situation.client("rds"), wanted).reason
    except ConfigurationError as error:
        yield to_do(f"database: {error}")
        return
    if "could not be asked" in line:
        yield to_do(f"database: Aurora PostgreSQL {line}")
    else:
        yield fine(f"database: Aurora PostgreSQL {line}")
