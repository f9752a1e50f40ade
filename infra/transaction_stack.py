"""The stack of one environment: its constructs and how they are connected."""

from aws_cdk import CfnOutput, Fn, IStackSynthesizer, PermissionsBoundary, Stack
from constructs import Construct

from infra.api_clients import ApiClients
from infra.api_credentials import ApiCredentials
from infra.audit_store import AuditStore
from infra.audit_verifier import AuditVerifier
from infra.breaker import Breaker
from infra.config import EnvironmentConfig
from infra.database import Database
from infra.encryption import Encryption
from infra.load_balancer import LoadBalancer
from infra.log_groups import own_helper_logs
from infra.migrator import SchemaMigrator
from infra.monitoring.audit_metrics import AuditMetrics
from infra.monitoring.business_metrics import BusinessMetrics
from infra.monitoring.monitored_resources import MonitoredResources
from infra.monitoring.monitoring import Monitoring
from infra.naming import EnvironmentSuffix
from infra.network import ZONES, Network
from infra.outcomes import OutcomeProbe, Outcomes
from infra.processors import AuditWriter, TransactionProcessor
from infra.python_function import Placement
from infra.queue_names import AUDIT, TRANSACTIONS
from infra.queues import QueueWithDeadLetters
from infra.security_groups import SecurityGroups
from infra.service import Service
from infra.sessions import Sessions
from infra.web_firewall import WebFirewall


class TransactionStack(Stack):
    """The transaction system of one environment. Other programs read only its `outputs`.

    `synthesizer` names the roles that deploy it, `permissions_boundary` limits its own roles.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: EnvironmentSuffix,
        config: EnvironmentConfig,
        synthesizer: IStackSynthesizer | None = None,
        permissions_boundary: PermissionsBoundary | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            synthesizer=synthesizer,
            permissions_boundary=permissions_boundary,
            stack_name=suffix.physical_name("transaction"),
            description=f"Transaction system of environment {suffix} ({config.kind})",
            tags=suffix.tags(),
        )
        # fmt: off
        key = Encryption(self, "Encryption", suffix=suffix).key
        network = Network(self, "Network", suffix=suffix, config=config.network, key=key)
        vpc = network.vpc
        # The id is part of logical ids: another one would replace every security group.
        security_groups = SecurityGroups(
            self, "Traffic", suffix=suffix, vpc=vpc, api_port=config.service.api_port)

        database = Database(
            self, "Database", suffix=suffix, config=config.database,
            vpc=vpc, security_group=security_groups.database, key=key)
        sessions = Sessions(self, "Sessions", suffix=suffix, key=key)
        api_clients = ApiClients(self, "ApiClients", suffix=suffix, key=key)
        breaker = Breaker(self, "Breaker", suffix=suffix, key=key)
        network.let_reach(sessions.table, actions=sessions.actions, has_indexes=True)
        network.let_reach(api_clients.table, actions=api_clients.actions)
        network.let_reach(breaker.table, actions=breaker.actions)
        audit_store = AuditStore(self, "AuditStore", suffix=suffix, config=config.audit)
        network.let_verify(audit_store)
        transactions = QueueWithDeadLetters(
            self, "Transactions", suffix=suffix, names=TRANSACTIONS,
            handler_timeout_seconds=config.processors.timeout_seconds, key=key)
        audit = QueueWithDeadLetters(
            self, "Audit", suffix=suffix, names=AUDIT,
            handler_timeout_seconds=config.processors.timeout_seconds, key=key)
        outcomes = Outcomes(self, "Outcomes", suffix=suffix, key=key)
        probe = OutcomeProbe(self, "OutcomeProbe", suffix=suffix, bus=outcomes.bus)

        credentials = ApiCredentials(self, "ApiCredentials", suffix=suffix, key=key)
        load_balancer = LoadBalancer(
            self, "LoadBalancer", suffix=suffix, api_port=config.service.api_port,
            domain=config.domain, vpc=vpc, security_group=security_groups.load_balancer, key=key)
        firewall = None if config.web_firewall is None else WebFirewall(
            self, "WebFirewall", suffix=suffix, config=config.web_firewall,
            load_balancer=load_balancer.load_balancer, key=key)
        service = Service(
            self, "Service", suffix=suffix, config=config.service,
            vpc=vpc, security_group=security_groups.tasks, targets=load_balancer.targets,
            database=database, sessions=sessions, audit=audit,
            credentials=credentials, api_clients=api_clients, key=key)
        processor = TransactionProcessor(
            self, "TransactionProcessor", suffix=suffix, config=config.processors,
            queue=transactions, breaker=breaker, outcomes=outcomes, database=database,
            placement=Placement(vpc=vpc, security_group=security_groups.processor), key=key)
        writer = AuditWriter(
            self, "AuditWriter", suffix=suffix, config=config.processors,
            queue=audit, breaker=breaker, store=audit_store, key=key)
        writer.node.add_dependency(audit_store)  # deleted before the bucket is emptied
        verifier = AuditVerifier(
            self, "AuditVerifier", suffix=suffix, database=database, store=audit_store,
            placement=Placement(vpc=vpc, security_group=security_groups.verifier), key=key)
        SchemaMigrator(
            self, "SchemaMigrator", suffix=suffix, database=database,
            placement=Placement(vpc=vpc, security_group=security_groups.migrator), key=key,
            after=[vpc, security_groups, writer],  # which knows what new tasks send
            before=[service.fargate, processor.mapping, verifier.rule])
        business = BusinessMetrics(
            self, "BusinessMetrics", suffix=suffix,
            service=service.log_group, processor=processor.function.log_group,
            writer=writer.function.log_group)
        trail = AuditMetrics(
            self, "AuditMetrics", suffix=suffix,
            service=service.log_group, verifier=verifier.function.log_group)
        monitoring = Monitoring(
            self, "Monitoring", suffix=suffix, config=config.monitoring, key=key,
            monitored=MonitoredResources(
                vpc=vpc, load_balancer=load_balancer, service=service, database=database,
                sessions=sessions, api_clients=api_clients, audit_store=audit_store,
                business=business, transactions=transactions, audit=audit, outcomes=outcomes,
                firewall=firewall, trail=trail,
                functions=(processor.function, writer.function, verifier.function)))
        service.roll_back_on(monitoring.server_errors)
        own_helper_logs(self, suffix=suffix, owner="transaction", key=key)

        self.outputs = {name: CfnOutput(self, name, value=value) for name, value in {
            "ApiUrl": load_balancer.url,
            "ApiDocsUrl": f"{load_balancer.url}/docs",
            **load_balancer.certificate_outputs,
            "TransactionQueueUrl": transactions.queue.queue_url,
            "OutcomeBusName": outcomes.bus.event_bus_name,
            "OutcomeProbeQueueUrl": probe.queue.queue_url,
            "AuditBucketName": audit_store.bucket.bucket_name,
            "AuditVerifierName": verifier.function.function.function_name,
            "SessionsTableName": sessions.table.table_name,
            "ApiClientsTableName": api_clients.table.table_name,
            "ApiCredentialsSecretName": credentials.secret_name,
            "DashboardUrl": monitoring.dashboard_url,
            "EnvironmentSuffix": str(suffix),
            "AuroraEngineVersion": database.engine_version,
        }.items()}
        self.outputs["AuroraEngineVersion"].description = database.engine_version_note
        # fmt: on

    @property
    def availability_zones(self) -> list[str]:
        """The first zones of the account in this region, looked up by the deployment."""
        return [Fn.select(index, Fn.get_azs()) for index in range(ZONES)]
