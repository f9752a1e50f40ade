"""The domain of production, without which the synth of the trunk is refused."""

from collections.abc import Iterator

from infra.errors import ConfigurationError
from operations.preflight.findings import Finding, Situation, fine, to_do


def domain(situation: Situation) -> Iterator[Finding]:
    try:
        situation.settings.require_production_domain()
    except ConfigurationError as error:
        yield to_do(f"domain: {error}")
    else:
        yield fine("domain: a synth of the trunk is not refused for want of one")
