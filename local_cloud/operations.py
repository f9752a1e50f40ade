"""Starts a program of `operations/` with this local cloud in place of AWS."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from local_cloud.assembly import cdk_context, trunk
from local_cloud.aws import environment
from local_cloud.environments import the_environment
from local_cloud.git_host import current_branch
from local_cloud.paths import ROOT, CloudPaths
from local_cloud.server import CloudError, running_cloud

# By command: its purpose, and whether it needs an environment.
OPERATIONS = {
    "approve": ("show what a branch's pipeline waits for, and approve or reject it", False),
    "api-client": ("print the API's credential; add, list and remove credentials", True),
    "check-roles": ("ask IAM about the roles of an environment", True),
    "dead-letters": ("show the dead letters of an environment, by reason", True),
    "drills": ("start a fault in an environment under load, and check what it acknowledged", True),
    "redrive": ("send dead letters of an environment back to their queue", True),
    "resend": ("send the batches again that the audit queue has refused too often", True),
    "trace": ("follow one transaction through an environment", True),
    "verify-audit": ("compare the ledger of an environment with its audit trail", True),
    "preflight": ("check the account before a first deployment", False),
    "sleep": ("put the environment of a branch to sleep", False),
    "wake": ("wake the environment of a branch", False),
    "reconcile": ("show what the branch hub would create and delete", False),
}


def operate(paths: CloudPaths, command: str, *, suffix: str, more: Sequence[str]) -> NoReturn:
    """Become the program: its exit code and its answer to Ctrl-C are those of the command."""
    cloud = running_cloud(paths)
    if cloud is None:
        raise CloudError(
            f"no local cloud runs for {paths.state}: start it with `make up`, or add AWS=yes to "
            "ask AWS"
        )
    _, has_environment = OPERATIONS[command]
    if has_environment:
        more = ["--suffix", the_environment(paths, cloud, suffix=suffix)["suffix"], *more]
    if command in ("approve", "sleep", "wake") and "--branch" not in more:
        more = ["--branch", current_branch(ROOT), *more]
    if command == "preflight":
        # As on AWS, for all environments of the trunk.
        context = cdk_context(paths, cloud, branch=trunk(), promotion="production")
        more = [*(part for pair in context.items() for part in ("-c", "=".join(pair))), *more]
    if command == "drills":
        more = ["--records", str(paths.drills), *more]
    # Credentials of an AWS account are never read.
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **environment(cloud.endpoint_url),
    }
    program = f"operations.{command.replace('-', '_')}"
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, "-m", program, *more], variables)
