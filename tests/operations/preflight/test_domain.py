"""B11: the preflight says that production needs a domain, before a synth refuses it."""

from operations.preflight.domain import domain
from tests.operations.preflight.conftest import ACCOUNT, Ask


def test_b11_production_without_a_domain_is_found(ask: Ask) -> None:
    (line,) = ask(domain, {})

    assert line.startswith("to do: domain: domains.production is missing")


def test_b11_the_domain_of_production_is_shown(ask: Ask) -> None:
    certificate = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/0a"
    named = {"production": {"name": "pay.example.com", "certificateArn": certificate}}

    assert ask(domain, {}, domains=named) == ["fine: domain: production is pay.example.com"]


def test_b11_a_trial_without_a_domain_is_fine(ask: Ask) -> None:
    (line,) = ask(domain, {}, productionCertificate="self-signed")

    assert line.startswith("fine: domain: production is not deployed, or is a trial")
