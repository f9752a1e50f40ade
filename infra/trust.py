"""Whom the database's clients trust: the AWS roots that they carry, or a file that is named."""

from typing import Final

from app_service.settings import IMAGE_CA_FILE

_BUNDLED: Final = "trust/aws-rds.pem"
# Goes into the asset of every function that talks to the database.
LAMBDA_TRUST: Final = (f"app_service/{_BUNDLED}", _BUNDLED)


def ca_file_for_functions(named: str | None) -> str:
    return named or _BUNDLED


def ca_file_for_service(named: str | None) -> str:
    return named or IMAGE_CA_FILE
