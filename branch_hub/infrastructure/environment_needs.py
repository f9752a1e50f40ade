"""What environments need of the account's quotas, from their configuration and their pipeline."""

from typing import Final

from branch_hub.functions.shared import account_quotas as quotas
from infra.config import EPHEMERAL, EnvironmentConfig
from infra.naming import EnvironmentSuffix
from pipeline.delivery_settings import DeliverySettings
from pipeline.promotion import promotions_of

_CPU_UNITS_PER_VCPU: Final = 1024
# While a deployment is rolling, the old and the new tasks run (max_healthy_percent is 200).
_ROLLING: Final = 2
_DATABASE_INSTANCES: Final = 2  # writer and reader
_GATEWAY_ENDPOINTS: Final = 2  # S3 and DynamoDB
# Run only while a stack is deployed: migrator, certificate and its provider.
_FUNCTIONS_OF_DEPLOYMENT: Final = 3
_VERIFIER: Final = 1  # of the audit trail, each hour
# Builds that a pipeline runs at one time: the assets of both kinds; the synth.
_PIPELINE: Final[quotas.Needs] = {quotas.SMALL_BUILDS.code: 2, quotas.MEDIUM_BUILDS.code: 1}


def needs_of(config: EnvironmentConfig) -> quotas.Needs:
    """What one environment needs, by the code of the quota."""
    service, gateways = config.service, config.network.nat_gateways
    # A service that cannot scale out is as bad as one that cannot be deployed.
    tasks = max(_ROLLING * service.tasks_min, service.tasks_max)
    # Two functions read queues: the transaction processor and the audit writer.
    executions = 2 * config.processors.concurrency_max + _FUNCTIONS_OF_DEPLOYMENT + _VERIFIER
    return {
        quotas.ELASTIC_IPS.code: gateways,
        quotas.VPCS.code: 1,
        quotas.NAT_GATEWAYS.code: min(1, gateways),
        quotas.GATEWAY_ENDPOINTS.code: _GATEWAY_ENDPOINTS,
        quotas.FARGATE_VCPU.code: tasks * service.cpu_units / _CPU_UNITS_PER_VCPU,
        quotas.LOAD_BALANCERS.code: 1,
        quotas.DATABASE_CLUSTERS.code: 1,
        quotas.DATABASE_INSTANCES.code: _DATABASE_INSTANCES,
        quotas.LAMBDA_EXECUTIONS.code: executions,
    }


BRANCH_NEEDS: Final[quotas.Needs] = {**needs_of(EPHEMERAL), **_PIPELINE}


def trunk_needs(settings: DeliverySettings) -> dict[str, quotas.Needs]:
    """What the trunk's pipeline and environments need, by suffix, in the hub's account."""
    own = settings.suffix if settings.is_trunk else EnvironmentSuffix.of_branch(settings.trunk)
    needs: dict[str, quotas.Needs] = {str(own): _PIPELINE}
    for promotion in promotions_of(is_trunk=True, promotion=settings.promotion):
        if settings.account_of(promotion) == settings.account:
            suffix = str(promotion.suffix or own)
            needs[suffix] = {**needs.get(suffix, {}), **needs_of(promotion.config)}
    return needs
