"""Settings of a delivery, read from the CDK context, and the synth command that passes them on."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

from infra.config import PRODUCTION, EnvironmentConfig
from infra.database import DatabaseConfig, cluster_name
from infra.domain import DomainConfig
from infra.naming import EnvironmentSuffix
from infra.service import CLUSTER
from infra.task_capacity import CpuArchitecture, TaskCapacity
from lambda_src.shared.branch_suffix import is_branch_suffix
from pipeline.audit_lock import KEY as AUDIT_LOCK
from pipeline.audit_lock import parse_audit_lock
from pipeline.branch_limits import BranchLimits
from pipeline.branch_settings import KEY as BRANCHES
from pipeline.branch_settings import BranchSettings
from pipeline.context_keys import (
    ABSOLUTE_PATH,
    ACCOUNT,
    EMAIL,
    ENGINE_VERSION,
    HUB_ONLY,
    REGION,
    parse_branch,
    parse_engine_versions,
    parse_hub,
    parse_production_account,
    parse_suffix_by_hand,
)
from pipeline.context_values import as_text, matching, missing, one_of, port_number
from pipeline.domains import KEY as DOMAINS
from pipeline.domains import of_ephemeral, parse_domains, to_json
from pipeline.fault_injection import KEY as FAULT_INJECTION
from pipeline.fault_injection import parse_fault_injection
from pipeline.lookup_role import lookup_role_arn
from pipeline.passed_context import PassedContext, synth_command
from pipeline.production_certificate import KEY as PRODUCTION_CERTIFICATE
from pipeline.production_certificate import parse_production_certificate, require_domain
from pipeline.promotion import (
    TRUNK_PROMOTIONS,
    Promotion,
    carries_hub,
    promotions_of,
)
from pipeline.shared_notices import HUB as NOTICES_OF_HUB
from pipeline.shared_notices import KEY as NOTICES
from pipeline.shared_notices import parse_notices, shared_topic
from pipeline.sources.choice import parse_source
from pipeline.sources.source import Source
from pipeline.steps.engine_version import CONTEXT_KEY, Cluster
from pipeline.task_capacity import KEY as TASK_CAPACITY
from pipeline.task_capacity import parse_task_capacity
from pipeline.task_capacity import to_json as capacity_to_json

Lookup = Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class DeliverySettings:
    """Settings of one branch's delivery. `synth_command` reproduces them."""

    branch: str
    trunk: str
    suffix: EnvironmentSuffix
    source: Source
    region: str
    promotion: str  # the trunk's environments: a key of TRUNK_PROMOTIONS
    api_port: int
    environment_suffix: str | None = None  # as given by hand; use `suffix`
    account: str | None = None  # None: the account that deploys
    production_account: str | None = None  # None: the same account
    branches: BranchSettings = field(default_factory=BranchSettings)
    hub: str | None = None  # HUB_ONLY, HUB_ALSO or None; not passed on
    database_ca_file: str | None = None
    engine_version: str | None = None
    # Chosen in this build, by cluster: see pipeline/steps/engine_version.py.
    chosen_engine_versions: Mapping[str, str] = field(default_factory=dict)
    alarm_email: str | None = None  # notified of alarms and runs
    domains: Mapping[str, DomainConfig] = field(default_factory=dict)  # by kind of environment
    production_certificate: str | None = None  # SELF_SIGNED: production without a domain
    audit_lock_days: Mapping[str, int] = field(default_factory=dict)  # by kind of environment
    fault_injection: Mapping[str, bool] = field(default_factory=dict)  # by kind of environment
    task_capacity: Mapping[str, TaskCapacity] = field(default_factory=dict)  # by kind
    notices: str | None = None  # NOTICES_OF_HUB: the hub created this branch's pipeline
    defaults: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def from_context(cls, lookup: Lookup, *, defaults: Mapping[str, object]) -> Self:
        """Read the context keys; `defaults` are those of the commit's own cdk.json.

        Raises ConfigurationError, which names the key, its value and the rule.
        """
        branch = parse_branch("branch", lookup("branch"))
        own = EnvironmentSuffix.of_branch(branch)
        account = matching("account", lookup("account"), ACCOUNT, "12 digits")
        by_hand = parse_suffix_by_hand(lookup("environmentSuffix"), own=own)
        region = matching("region", lookup("region"), REGION, "like us-east-1")
        region = region or missing("region")
        production_account = parse_production_account(lookup("productionAccount"), own=account)
        trunk = parse_branch("trunk", lookup("trunk"))
        domains = parse_domains(
            lookup(DOMAINS), region=region, account=account, production_account=production_account
        )
        if branch != trunk:
            # Only the trunk deploys promoted environments: no other branch is given their facts.
            production_account, domains = None, of_ephemeral(domains)
        return cls(
            branch=branch,
            trunk=trunk,
            suffix=EnvironmentSuffix(by_hand) if by_hand else own,
            environment_suffix=by_hand,
            source=parse_source(lookup("source")),
            account=account,
            production_account=production_account,
            branches=BranchSettings.parse(lookup(BRANCHES)),
            hub=parse_hub(lookup("hub")),
            region=region,
            promotion=one_of("promotion", lookup("promotion"), TRUNK_PROMOTIONS),
            api_port=port_number("apiPort", lookup("apiPort")),
            database_ca_file=matching(
                "databaseCaFile", lookup("databaseCaFile"), ABSOLUTE_PATH, "an absolute path"
            ),
            engine_version=matching(
                "auroraEngineVersion",
                lookup("auroraEngineVersion"),
                ENGINE_VERSION,
                "a version 15.x, like 15.8",
            ),
            chosen_engine_versions=parse_engine_versions(lookup(CONTEXT_KEY)),
            alarm_email=matching(
                "alarmEmail", lookup("alarmEmail"), EMAIL, "an address, like ops@example.com"
            ),
            domains=domains,
            production_certificate=parse_production_certificate(lookup(PRODUCTION_CERTIFICATE)),
            audit_lock_days=parse_audit_lock(lookup(AUDIT_LOCK)),
            fault_injection=parse_fault_injection(lookup(FAULT_INJECTION)),
            task_capacity=parse_task_capacity(lookup(TASK_CAPACITY)),
            notices=parse_notices(lookup(NOTICES)),
            defaults=defaults,
        )

    @property
    def is_trunk(self) -> bool:
        return self.branch == self.trunk

    @property
    def hub_suffix(self) -> EnvironmentSuffix:
        """The suffix of the repository's hub, which all branches share."""
        return EnvironmentSuffix.of_repository(self.source.repository)

    @property
    def limits(self) -> BranchLimits | None:
        """The limits that the hub sets for a branch; None: deployed with the bootstrap's roles.

        These are the trunk, and an environment with a suffix set by hand, which only a person may
        deploy.
        """
        if self.is_trunk or not is_branch_suffix(str(self.suffix)):
            return None
        return BranchLimits(hub=self.hub_suffix)

    @property
    def has_hub(self) -> bool:
        """Whether the hub is synthesized: by default with the trunk only."""
        return self.is_trunk or self.hub is not None

    @property
    def has_pipeline(self) -> bool:
        return self.hub != HUB_ONLY

    @property
    def carries_hub(self) -> bool:
        """Whether this pipeline deploys the hub and so keeps it up to date."""
        return carries_hub(is_trunk=self.is_trunk, promotion=self.promotion)

    def account_of(self, promotion: Promotion) -> str | None:
        """The account that `promotion` deploys to; None: the account that deploys."""
        if promotion.in_production_account and self.production_account is not None:
            return self.production_account
        return self.account

    @property
    def crosses_accounts(self) -> bool:
        return any(self.account_of(p) != self.account for p in self.promotions)

    @property
    def promotions(self) -> tuple[Promotion, ...]:
        """The environments to which a commit of this branch is deployed, in order."""
        return promotions_of(is_trunk=self.is_trunk, promotion=self.promotion)

    @property
    def shared_topic(self) -> str | None:
        """The name of the hub's topic if this branch uses it; None: topics of its own."""
        if self.is_trunk or self.notices != NOTICES_OF_HUB:
            return None
        return shared_topic(self.hub_suffix)

    def require_production_domain(self) -> None:
        """Raises ConfigurationError if production is deployed without a domain.

        Called before a synth: other programs read the settings before a person can have a domain.
        """
        if self.has_pipeline and any(p.config is PRODUCTION for p in self.promotions):
            require_domain(
                has_domain=PRODUCTION.kind in self.domains,
                certificate=self.production_certificate,
            )

    def adjust(self, config: EnvironmentConfig) -> EnvironmentConfig:
        """Return `config` adjusted to the account and region of the deployment."""
        return config.adjusted(
            api_port=self.api_port,
            database_ca_file=self.database_ca_file,
            engine_version=self.engine_version,
            chosen_engine_version=self.chosen_engine_versions.get(
                cluster_name(config.suffix or self.suffix)
            ),
            alarm_email=self.alarm_email,
            shared_topic=self.shared_topic,
            domain=self.domains.get(config.kind),
            audit_lock_days=self.audit_lock_days.get(config.kind),
            has_faults=self.fault_injection.get(config.kind, False),
            task_capacity=self.task_capacity.get(config.kind),
        )

    @property
    def image_architecture(self) -> CpuArchitecture:
        """Of the service's image: all environments of a delivery get the same image."""
        (architecture,) = {
            self.adjust(p.config).service.capacity.cpu_architecture for p in self.promotions
        }
        return architecture

    def context(self) -> dict[str, str]:
        """Context keys that reproduce these settings in a later synth: see passed_context.py."""
        return self._passed().of_trunk() if self.is_trunk else self._passed().of_branch()

    def branch_context(self) -> dict[str, str]:
        """Context keys for the pipeline of any other branch, without the branch itself."""
        of_branches = {
            **self._passed().of_branch(),
            # The hub creates no pipeline with a suffix set by hand.
            "environmentSuffix": "",
            "productionAccount": "",
            DOMAINS: as_text(to_json(of_ephemeral(self.domains))),
            NOTICES: NOTICES_OF_HUB,
        }
        return {key: value for key, value in of_branches.items() if key != "branch"}

    def _passed(self) -> PassedContext:
        return PassedContext(given=self._given(), defaults=self.defaults)

    def _given(self) -> dict[str, str | None]:
        return {
            "branch": self.branch,
            "environmentSuffix": self.environment_suffix,
            "account": self.account,
            "productionAccount": self.production_account,
            "region": self.region,
            "source": as_text(self.source.to_json()),
            "trunk": self.trunk,
            "promotion": self.promotion,
            "apiPort": str(self.api_port),
            "databaseCaFile": self.database_ca_file,
            "auroraEngineVersion": self.engine_version,
            "alarmEmail": self.alarm_email,
            PRODUCTION_CERTIFICATE: self.production_certificate,
            NOTICES: self.notices,
            AUDIT_LOCK: as_text(self.audit_lock_days) if self.audit_lock_days else None,
            FAULT_INJECTION: as_text(self.fault_injection) if self.fault_injection else None,
            TASK_CAPACITY: as_text(capacity_to_json(self.task_capacity))
            if self.task_capacity
            else None,
            DOMAINS: as_text(to_json(self.domains)) if self.domains else None,
            BRANCHES: as_text(self.branches.to_json()),
        }

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """The database of each environment, with the role that reads it in another account."""
        return tuple(
            Cluster(
                name=cluster_name(promotion.suffix or self.suffix),
                role_arn=None
                if account is None or account == self.account
                else lookup_role_arn(account=account, region=self.region),
            )
            for promotion in self.promotions
            for account in [self.account_of(promotion)]
        )

    def synth_commands(self) -> list[str]:
        """Return the shell commands: choose the engine versions, then synthesize with them."""
        clusters = " ".join(cluster.to_argument() for cluster in self.clusters)
        choose = (
            f"make engine-version CLUSTERS={shlex.quote(clusters)} "
            f"DEFAULT_VERSION={DatabaseConfig().engine_version}"
        )
        if self.engine_version is not None:
            choose += f" ENGINE_VERSION={self.engine_version}"
        # Last: the environment wakes while the build runs its checks.
        return [choose, self.synth_command(), *self._wait_until_awake()]

    def _wait_until_awake(self) -> list[str]:
        """Environments of branches may sleep; those of the trunk never do."""
        return [] if self.limits is None else [f"make awake CLUSTER={self.ecs_cluster}"]

    @property
    def ecs_cluster(self) -> str:
        return self.suffix.physical_name(CLUSTER)

    def synth_command(self) -> str:
        """Return the shell command that synthesizes this pipeline from a checkout."""
        return synth_command(self.context())
