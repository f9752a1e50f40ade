"""The domain of production, without which the synth of the trunk is refused."""

from collections.abc import Iterator

from infra.config import PRODUCTION
from infra.errors import ConfigurationError
from operations.preflight.findings import Finding, Situation, fine, to_do
from pipeline.production_certificate import KEY


def domain(situation: Situation) -> Iterator[Finding]:
    try:
        situation.settings.require_production_domain()
    except ConfigurationError as error:
        yield to_do(f"domain: {error}")
        return
    named = situation.settings.domains.get(PRODUCTION.kind)
    if named is not None:
        yield fine(f"domain: production is {named.name}")
    else:
        yield fine(f"domain: production is not deployed, or is a trial ({KEY})")
