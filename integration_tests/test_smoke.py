"""Checks that change nothing, also for an environment with real money."""

import json

import pytest
import requests

from integration_tests.environment import DeployedEnvironment
from integration_tests.ledger_client import LedgerClient


def test_the_certificate_is_verified(environment: DeployedEnvironment) -> None:
    """S63: a client that does not trust the environment's certificate gets no connection."""
    if not environment.certificate_der:
        pytest.skip("this environment's certificate is signed by a public authority")
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{environment.api_url}/health/live", timeout=10)


def test_the_service_and_what_it_needs_are_ready(anonymous: LedgerClient) -> None:
    assert anonymous.call("GET", "/health/live").status_code == 200
    assert anonymous.call("GET", "/health/ready").status_code == 200


def test_nothing_but_health_is_served_without_a_session(anonymous: LedgerClient) -> None:
    """S33: a request that would move money is refused, too."""
    for method, path in (("GET", "/accounts/1"), ("POST", "/transactions")):
        refused = anonymous.call(method, path)
        assert refused.status_code == 401
        assert refused.headers["Content-Type"].startswith("application/problem+json")
        assert json.loads(refused.text)["status"] == 401
