"""Settings of a delivery, read from the CDK context, and the synth command that passes them on."""

import json
import re
import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn, Self

from infra.config import PRODUCTION, EnvironmentConfig
from infra.database import DatabaseConfig, cluster_name
from infra.domain import DomainConfig
from infra.errors import ConfigurationError
from infra.naming import EnvironmentSuffix
from lambda_src.shared.branch_suffix import HASH_LENGTH, is_branch_suffix
from pipeline.branch_limits import BranchLimits
from pipeline.branch_settings import KEY as BRANCHES
from pipeline.branch_settings import BranchSettings
from pipeline.context_values import json_object
from pipeline.domains import KEY as DOMAINS
from pipeline.domains import of_ephemeral, parse_domains, to_json
from pipeline.lookup_role import lookup_role_arn
from pipeline.production_certificate import KEY as PRODUCTION_CERTIFICATE
from pipeline.production_certificate import parse_production_certificate, require_domain
from pipeline.promotion import (
    RESERVED_SUFFIXES,
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

# These identify the pipeline: a new default in a push must not change them.
_IDENTITY: Final = ("branch", "environmentSuffix", "account", "region")
# These are decided outside of a branch: the cdk.json of any branch but the trunk cannot change
# them. They are always passed on; an empty value means that the key is not set.
DECIDED_OUTSIDE: Final = (
    *_IDENTITY,
    "trunk",
    "promotion",
    BRANCHES,
    "source",
    "productionAccount",
    DOMAINS,
    "hub",
)
BRANCH_LENGTH_MAX: Final = 255
# Values of `hub`: what is synthesized. By default the hub is synthesized with the trunk's pipeline.
HUB_ONLY, HUB_ALSO = "only", "also"

_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_ENGINE_VERSION: Final = re.compile(r"15\.[0-9]{1,2}")
_ABSOLUTE_PATH: Final = re.compile(r"/[^\x00-\x1f\x7f]*")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# Checks the form only: the recipient confirms the address.
_EMAIL: Final = re.compile(r"[\w.%+'-]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")
_PORTS: Final = range(1, 65536)

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
    notices: str | None = None  # NOTICES_OF_HUB: the hub created this branch's pipeline
    defaults: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def from_context(cls, lookup: Lookup, *, defaults: Mapping[str, object]) -> Self:
        """Read the context keys; `defaults` are those of the commit's own cdk.json.

        Raises ConfigurationError, which names the key, its value and the rule.
        """
        branch = _branch("branch", lookup("branch"))
        own = EnvironmentSuffix.of_branch(branch)
        account = _matching("account", lookup("account"), _ACCOUNT, "12 digits")
        by_hand = _suffix_by_hand(lookup("environmentSuffix"), own=own)
        region = _matching("region", lookup("region"), _REGION, "like us-east-1")
        region = region or _missing("region")
        production_account = _production_account(lookup("productionAccount"), own=account)
        trunk = _branch("trunk", lookup("trunk"))
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
            hub=_hub(lookup("hub")),
            region=region,
            promotion=_one_of("promotion", lookup("promotion"), TRUNK_PROMOTIONS),
            api_port=_port("apiPort", lookup("apiPort")),
            database_ca_file=_matching(
                "databaseCaFile", lookup("databaseCaFile"), _ABSOLUTE_PATH, "an absolute path"
            ),
            engine_version=_matching(
                "auroraEngineVersion",
                lookup("auroraEngineVersion"),
                _ENGINE_VERSION,
                "a version 15.x, like 15.8",
            ),
            chosen_engine_versions=_engine_versions(lookup(CONTEXT_KEY)),
            alarm_email=_matching(
                "alarmEmail", lookup("alarmEmail"), _EMAIL, "an address, like ops@example.com"
            ),
            domains=domains,
            production_certificate=parse_production_certificate(lookup(PRODUCTION_CERTIFICATE)),
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
        )

    def context(self) -> dict[str, str]:
        """Context keys that reproduce these settings in a later synth.

        Defaults of the commit's cdk.json are left out, so that a push can change or remove them.
        The keys that identify the pipeline are always included. Of a branch other than the
        trunk, all keys of DECIDED_OUTSIDE are.
        """
        return self._differing() if self.is_trunk else {**self._differing(), **self._decided()}

    def branch_context(self) -> dict[str, str]:
        """Context keys for the pipeline of any other branch, without the branch itself."""
        of_branches = {
            **self._differing(),
            **self._decided(),
            # The hub creates no pipeline with a suffix set by hand.
            "environmentSuffix": "",
            "productionAccount": "",
            DOMAINS: _as_text(to_json(of_ephemeral(self.domains))),
            NOTICES: NOTICES_OF_HUB,
        }
        return {key: value for key, value in of_branches.items() if key != "branch"}

    def _decided(self) -> dict[str, str]:
        """The keys of DECIDED_OUTSIDE, also those that are not set. The pipeline has no hub."""
        given = self._given()
        return {key: given.get(key) or "" for key in DECIDED_OUTSIDE}

    def _differing(self) -> dict[str, str]:
        """The keys that are set and differ from the defaults, and the pipeline's identity."""
        defaults = {
            **self.defaults,
            # Fields that an object omits have default values.
            BRANCHES: BranchSettings.parse(self.defaults.get(BRANCHES)).to_json(),
        }
        return {
            key: value
            for key, value in self._given().items()
            if value is not None and (key in _IDENTITY or value != _as_text(defaults.get(key)))
        }

    def _given(self) -> dict[str, str | None]:
        return {
            "branch": self.branch,
            "environmentSuffix": self.environment_suffix,
            "account": self.account,
            "productionAccount": self.production_account,
            "region": self.region,
            "source": _as_text(self.source.to_json()),
            "trunk": self.trunk,
            "promotion": self.promotion,
            "apiPort": str(self.api_port),
            "databaseCaFile": self.database_ca_file,
            "auroraEngineVersion": self.engine_version,
            "alarmEmail": self.alarm_email,
            PRODUCTION_CERTIFICATE: self.production_certificate,
            NOTICES: self.notices,
            DOMAINS: _as_text(to_json(self.domains)) if self.domains else None,
            BRANCHES: _as_text(self.branches.to_json()),
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
        return [choose, self.synth_command()]

    def synth_command(self) -> str:
        """Return the shell command that synthesizes this pipeline from a checkout."""
        flags = [part for pair in self.context().items() for part in ("-c", "=".join(pair))]
        # make expands dollar signs; the shell expands everything else.
        return f"make synth CDK_CONTEXT={shlex.quote(shlex.join(flags).replace('$', '$$'))}"


def _engine_versions(value: object) -> dict[str, str]:
    return {
        name: _matching(f"{CONTEXT_KEY}.{name}", version, _ENGINE_VERSION, "a version 15.x")
        or _missing(f"{CONTEXT_KEY}.{name}")
        for name, version in json_object(CONTEXT_KEY, value).items()
    }


def _hub(value: object) -> str | None:
    return None if value in (None, "") else _one_of("hub", value, (HUB_ONLY, HUB_ALSO))


def _as_text(value: object) -> str:
    """Return a value in the form of the command line."""
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    return str(value)


def _branch(key: str, value: object) -> str:
    name = _text(key, value) or _missing(key)
    if len(name) > BRANCH_LENGTH_MAX or _UNPRINTABLE.search(name):
        raise ConfigurationError(
            f"{key} is {name!r} ({len(name)} characters): "
            f"it must be at most {BRANCH_LENGTH_MAX} printable characters"
        )
    return name


def _suffix_by_hand(value: object, *, own: EnvironmentSuffix) -> str | None:
    """Refuse a suffix that is or could be another environment's."""
    suffix = _text("environmentSuffix", value)
    if suffix in RESERVED_SUFFIXES:
        raise ConfigurationError(
            f"environmentSuffix is {suffix!r}: the trunk's environments have the suffixes "
            f"{', '.join(RESERVED_SUFFIXES)}: choose another"
        )
    if suffix is not None and suffix != str(own) and is_branch_suffix(suffix):
        raise ConfigurationError(
            f"environmentSuffix is {suffix!r}: a suffix that ends in a hyphen and {HASH_LENGTH} "
            f"of 0-9 a-v is a branch's, and this branch's is {own}"
        )
    return suffix


def _production_account(value: object, *, own: str | None) -> str | None:
    account = _matching("productionAccount", value, _ACCOUNT, "12 digits")
    if account is not None and own is None:
        raise ConfigurationError(
            f"productionAccount is {account!r}: account must be set too, since a pipeline that "
            "deploys to another account must know its own"
        )
    return account


def _one_of(key: str, value: object, known: Collection[str]) -> str:
    text = _text(key, value) or _missing(key)
    if text not in known:
        raise ConfigurationError(f"{key} is {text!r}: it must be one of {', '.join(known)}")
    return text


def _port(key: str, value: object) -> int:
    text = str(value)
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) not in _PORTS:
        raise ConfigurationError(
            f"{key} is {value!r}: it must be a port from {_PORTS[0]} to {_PORTS[-1]}"
        )
    return int(text)


def _matching(key: str, value: object, pattern: re.Pattern[str], rule: str) -> str | None:
    text = _text(key, value)
    if text is not None and not pattern.fullmatch(text):
        raise ConfigurationError(f"{key} is {text!r}: it must be {rule}")
    return text


def _text(key: str, value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ConfigurationError(f"{key} is {value!r}: it must be text, in quotes in cdk.json")
    return value


def _missing(key: str) -> NoReturn:
    raise ConfigurationError(f"{key} is missing: set it in cdk.json or with -c {key}=...")
