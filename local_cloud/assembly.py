"""The real CDK CLI against the local cloud: bootstrap it, deploy a branch's first pipeline."""

import os
import subprocess
import tempfile
from pathlib import Path

from local_cloud.aws import ACCOUNT, REGION, AwsClients, environment
from local_cloud.git_host import GitHost
from local_cloud.paths import NODE_MODULES, STATE_MARK, CloudPaths
from local_cloud.server import CloudError, RunningCloud

_BOOTSTRAP_STACK = "CDKToolkit"


def tool_environment(paths: CloudPaths, cloud: RunningCloud) -> dict[str, str]:
    """What every tool and build needs to reach the local cloud instead of AWS."""
    return {
        **environment(cloud.endpoint_url),
        STATE_MARK: str(paths.state),
        "TOOLCHAIN_CACHE": str(paths.toolchains),
        "CDK_DISABLE_VERSION_CHECK": "1",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }


def cdk_context(
    paths: CloudPaths, cloud: RunningCloud, *, branch: str, promotion: str
) -> dict[str, str]:
    """The configuration values that make this machine's delivery differ from one on AWS."""
    return {
        "branch": branch,
        "promotion": promotion,
        "account": ACCOUNT,
        "region": REGION,
        "apiPort": str(cloud.api_port),
        "databaseCaFile": str(paths.database_authority / "ca.pem"),
    }


def bootstrap(paths: CloudPaths, cloud: RunningCloud, *, log: Path) -> None:
    """`cdk bootstrap`, unless it was done."""
    stacks = AwsClients(cloud.endpoint_url).cloudformation.list_stacks()["StackSummaries"]
    alive = {s["StackName"] for s in stacks if not s["StackStatus"].startswith("DELETE")}
    if _BOOTSTRAP_STACK not in alive:
        _run(
            [_cdk(), "bootstrap", f"aws://{ACCOUNT}/{REGION}"],
            what="bootstrap the local account", cwd=paths.state, log=log,
            environment=tool_environment(paths, cloud),
        )  # fmt: skip


def deploy_pipeline(
    paths: CloudPaths,
    cloud: RunningCloud,
    git: GitHost,
    *,
    branch: str,
    commit: str,
    promotion: str,
    log: Path,
) -> None:
    """`cdk deploy` of the commit's DeliveryPipeline stack, from a checkout of that commit alone."""
    context = cdk_context(paths, cloud, branch=branch, promotion=promotion)
    flags = [part for key, value in context.items() for part in ("-c", f"{key}={value}")]
    variables = tool_environment(paths, cloud)
    with tempfile.TemporaryDirectory(prefix="first-deploy-", dir=_folder(paths.work)) as folder:
        checkout = Path(folder) / "source"
        git.clone(branch, commit, checkout)
        _run(["make", "setup"], what="set up the tools", cwd=checkout, log=log,
             environment=variables)  # fmt: skip
        _run(
            [_cdk(), "deploy", "--require-approval", "never", "--progress", "events", *flags],
            what="deploy the delivery pipeline", cwd=checkout, log=log, environment=variables,
        )  # fmt: skip


def _cdk() -> str:
    return str(NODE_MODULES / ".bin" / "cdk")


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


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
