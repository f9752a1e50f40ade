"""The suffixes of the hubs of the repositories in tests/delivered.py."""

from infra.naming import EnvironmentSuffix

CODECOMMIT_HUB = str(EnvironmentSuffix.of_repository("transaction-pipeline"))
GITHUB_HUB = str(EnvironmentSuffix.of_repository("acme/ledger"))
