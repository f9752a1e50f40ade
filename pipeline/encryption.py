"""The pipeline's own key, for artifacts, caches, build logs and notifications."""

from typing import Final

from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.encryption import key_with_logs
from infra.naming import EnvironmentSuffix

# Not the environment's key: builds must not decrypt the environment's data.
KEY_ALIAS: Final = "transaction-pipeline-key"


def pipeline_key(scope: Construct, construct_id: str, *, suffix: EnvironmentSuffix) -> kms.Key:
    return key_with_logs(
        scope,
        construct_id,
        suffix=suffix,
        alias=f"alias/{suffix.physical_name(KEY_ALIAS)}",
        description=f"Everything at rest in the pipeline of {suffix}",
    )
