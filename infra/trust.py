"""CA bundle with which database clients verify the server."""

from typing import Final

from app_service.settings import IMAGE_CA_FILE

_BUNDLED: Final = "trust/aws-rds.pem"
# In the asset of every function that connects to the database: source and target path.
LAMBDA_TRUST: Final = (f"app_service/{_BUNDLED}", _BUNDLED)


def ca_file_for_functions(configured: str | None) -> str:
    return configured or _BUNDLED


def ca_file_for_service(configured: str | None) -> str:
    return configured or IMAGE_CA_FILE
