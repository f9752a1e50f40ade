"""The reconciler's real asset as a function in the emulator."""

import io
import zipfile
from pathlib import Path

from branch_hub.infrastructure.hub import hub_source
from infra.python_version import deployed_python, lambda_runtime
from tests.account import Account
from tests.branch_hub.functions.reconciler.hub import Hub


def deploy_function(account: Account, hub: Hub, folder: Path) -> str:
    source = hub_source("reconciler")
    source.bundle(folder)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*.py")):
            archive.write(path, path.relative_to(folder))
    name = account.name("branch-reconciler")
    account.client("lambda").create_function(
        FunctionName=name,
        Runtime=lambda_runtime(deployed_python()).name,
        Role="arn:aws:iam::000000000000:role/reconciler",
        Handler=source.handler,
        Timeout=60,
        Code={"ZipFile": packed.getvalue()},
        Environment={
            "Variables": {**hub.settings.to_env(), "AWS_ENDPOINT_URL": account.endpoint_url}
        },
    )
    account.client("lambda").get_waiter("function_active_v2").wait(FunctionName=name)
    return name
