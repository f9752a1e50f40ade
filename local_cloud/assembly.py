"""Runs the CDK CLI against the local cloud: bootstrap, deploy the branch hub and a pipeline."""

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from local_cloud.aws import ACCOUNT, REGION, AwsClients
from local_cloud.git_host import GITHUB_PATH, OWNER, GitHost
from local_cloud.images.docker import install_docker
from local_cloud.paths import NODE_MODULES, ROOT, CloudPaths
from local_cloud.server import CloudError, RunningCloud
from local_cloud.toolchain import lend_toolchain, tool_environment

HUB = "BranchHub-*"
PIPELINE = "DeliveryPipeline-*"
# Every environment that the pipeline delivers, without the pipeline itself.
ENVIRONMENT = "DeliveryPipeline-*/**"

_BOOTSTRAP_STACK = "CDKToolkit"
# The default fits a new AWS account.
_QUOTA = 10
# The templates need one. Nobody has to authorise it here.
_CONNECTION = f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/local"
# The hub's template depends on these paths only.
HUB_SOURCES = (
    ".python-version", "app.py", "app_service/environment_variables.py", "app_service/settings.py",
    "branch_hub", "cdk.json", "infra", "lambda_src", "package.json", "pipeline",
)  # fmt: skip


def cdk_context(
    paths: CloudPaths, cloud: RunningCloud, *, branch: str, promotion: str
) -> dict[str, str]:
    """The context values of a delivery on this machine."""
    source = {
        "kind": "github",
        "repository": f"{OWNER}/{paths.repository.name.removesuffix('.git')}",
        "connectionArn": _CONNECTION,
        "apiUrl": f"{cloud.endpoint_url}{GITHUB_PATH}",
    }
    return {
        "branch": branch,
        "promotion": promotion,
        "productionCertificate": "self-signed",  # the loopback addresses have no domain
        "account": ACCOUNT,
        "region": REGION,
        "source": json.dumps(source, separators=(",", ":")),
        "apiPort": str(cloud.api_port),
        "branches": json.dumps({**_written("branches"), "quota": _QUOTA}, separators=(",", ":")),
        # Off by default: here every environment has its drills.
        "faultInjection": json.dumps(
            dict.fromkeys(("ephemeral", "staging", "production"), True), separators=(",", ":")
        ),
        "databaseCaFile": str(paths.database_authority / "ca.pem"),
    }


def trunk() -> str:
    """The trunk's name, from cdk.json."""
    return str(_written("trunk"))


def _written(key: str) -> Any:
    """The value of a context key in cdk.json."""
    return json.loads((ROOT / "cdk.json").read_text())["context"][key]


def hub_version(paths: CloudPaths, commit: str) -> str:
    """Equal for two commits that synthesize the same hub."""
    wanted = [f"{commit}:{path}" for path in HUB_SOURCES]
    done = subprocess.run(
        ["git", "--git-dir", str(paths.repository), "rev-parse", *wanted],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def deploy(
    paths: CloudPaths,
    cloud: RunningCloud,
    git: GitHost,
    *,
    stacks: Sequence[str],
    branch: str,
    commit: str,
    promotion: str,
    log: Path,
) -> None:
    """One `cdk deploy` of `stacks` (see above), from a checkout of that commit alone.

    Bootstraps the account first if it is not, while the app is synthesized.
    """
    context = cdk_context(paths, cloud, branch=branch, promotion=promotion)
    context["hub"] = "also" if HUB in stacks and PIPELINE in stacks else "only"
    if HUB not in stacks:
        del context["hub"]
    flags = [part for key, value in context.items() for part in ("-c", f"{key}={value}")]
    variables = tool_environment(paths, cloud.endpoint_url)
    variables["CDK_DOCKER"] = str(install_docker(paths.state))
    lend_toolchain(paths)
    paths.work.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="first-deploy-", dir=paths.work) as folder,
        ThreadPoolExecutor(1) as pool,
    ):
        bootstrapped = pool.submit(_bootstrap, paths, cloud, log=log)
        checkout = Path(folder) / "source"
        git.clone(branch, commit, checkout)
        _run(["make", "setup"], what="set up the tools", cwd=checkout, log=log,
             environment=variables)  # fmt: skip
        _run(
            [_cdk(), "synth", "--quiet", *flags],
            what="synthesize", cwd=checkout, log=log, environment=variables,
        )  # fmt: skip
        bootstrapped.result()
        _run(
            [_cdk(), "deploy", "--app", "cdk.out", "--require-approval", "never",
             "--progress", "events", "--concurrency", "2", *stacks],
            what=f"deploy {' and '.join(stacks)}", cwd=checkout, log=log, environment=variables,
        )  # fmt: skip


def _bootstrap(paths: CloudPaths, cloud: RunningCloud, *, log: Path) -> None:
    """`cdk bootstrap`, unless the account is bootstrapped."""
    stacks = AwsClients(cloud.endpoint_url).cloudformation.list_stacks()["StackSummaries"]
    alive = {s["StackName"] for s in stacks if not s["StackStatus"].startswith("DELETE")}
    if _BOOTSTRAP_STACK not in alive:
        _run(
            [_cdk(), "bootstrap", f"aws://{ACCOUNT}/{REGION}"],
            what="bootstrap the local account", cwd=paths.state, log=log.with_suffix(".bootstrap"),
            environment=tool_environment(paths, cloud.endpoint_url),
        )  # fmt: skip


def _cdk() -> str:
    return str(NODE_MODULES / ".bin" / "cdk")


def _run(
    command: list[str], *, what: str, cwd: Path, log: Path, environment: dict[str, str]
) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        tail = log.read_text(errors="replace").splitlines()[-40:]
        lines = "\n".join(f"  {line}" for line in tail)
        raise CloudError(f"could not {what}; the last lines of {log}:\n{lines}")
