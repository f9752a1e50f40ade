"""`make bootstrap-production`: bootstraps production's own account with a narrow trust.

Run it as an administrator of that account. Its template is the one of the pinned CDK, with a
condition on everything that it trusts in the account of the pipeline.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from infra.errors import ConfigurationError
from pipeline.bootstrap_trust import narrowed
from pipeline.delivery_settings import DeliverySettings

ROOT: Final = Path(__file__).resolve().parent.parent
POLICY: Final = "arn:aws:iam::aws:policy/AdministratorAccess"
# Without the app: its synth may need what a person sets only later.
_CDK: Final = ("npx", "--no-install", "cdk", "bootstrap", "--app", "")
# The CLI says so and ends with 0 if it finds a bootstrap of another variant.
_KEPT: Final = "Not overwriting it"

Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


class NotBootstrapped(Exception):
    """The message says why and what to do."""


def run_cdk(arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*_CDK, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def main(arguments: Sequence[str], run: Run = run_cdk) -> int:
    parser = argparse.ArgumentParser(prog="make bootstrap-production", description=__doc__)
    parser.add_argument("--account", required=True, help="of the trunk's pipeline")
    parser.add_argument("--production-account", required=True, help="the account to bootstrap")
    parser.add_argument("--policy", default=POLICY, help="CloudFormation acts with it there")
    parser.add_argument("--force", action="store_true", help="replace another bootstrap")
    chosen = parser.parse_args(arguments)
    try:
        settings = trunk_of(account=chosen.account, production_account=chosen.production_account)
        bootstrap(settings, policy=chosen.policy, force=chosen.force, run=run)
    except (ConfigurationError, NotBootstrapped) as error:
        print(f"bootstrap-production: {error}", file=sys.stderr)
        return 1
    there = chosen.production_account
    print(f"{there} trusts only the pipeline {settings.suffix} of {chosen.account}")
    return 0


def trunk_of(*, account: str, production_account: str) -> DeliverySettings:
    """The settings of the trunk's pipeline. Raises ConfigurationError."""
    defaults = json.loads((ROOT / "cdk.json").read_text())["context"]
    said = {
        **defaults,
        "branch": defaults["trunk"],
        "account": account,
        "productionAccount": production_account,
    }
    if account == production_account:
        raise ConfigurationError(
            f"productionAccount is {account!r}: it must be another account than that of the "
            "pipeline; the pipeline's own account is bootstrapped with `cdk bootstrap`"
        )
    return DeliverySettings.from_context(said.get, defaults=defaults)


def bootstrap(settings: DeliverySettings, *, policy: str, force: bool, run: Run) -> None:
    """Raises NotBootstrapped, and ConfigurationError for a template in an unknown form."""
    account, there = str(settings.account), str(settings.production_account)
    standard = _checked(run(["--show-template"])).stdout
    template: dict[str, Any] = narrowed(
        yaml.safe_load(standard), account=account, suffix=settings.suffix
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bootstrap.json"
        file.write_text(json.dumps(template))
        arguments = [f"aws://{there}/{settings.region}", "--template", str(file)]
        arguments += ["--trust", account, "--trust-for-lookup", account]
        arguments += ["--cloudformation-execution-policies", policy]
        done = _checked(run([*arguments, *(["--force"] if force else [])]))
    said = f"{done.stdout}{done.stderr}"
    if _KEPT in said:
        raise NotBootstrapped(
            f"account {there} has another bootstrap, which was kept and may trust more: "
            "FORCE=yes replaces it"
        )
    print(said)


def _checked(
    done: "subprocess.CompletedProcess[str]",
) -> "subprocess.CompletedProcess[str]":
    if done.returncode != 0:
        raise NotBootstrapped(f"cdk bootstrap ended with {done.returncode}:\n{done.stderr}")
    return done


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
