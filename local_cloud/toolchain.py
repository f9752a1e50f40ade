"""The environment of tools and builds: the local cloud's endpoint and this checkout's tools."""

import uuid
from pathlib import Path

from local_cloud.aws import environment
from local_cloud.paths import NODE_MODULES, ROOT, STATE_MARK, CloudPaths


def tool_environment(paths: CloudPaths, endpoint_url: str) -> dict[str, str]:
    """The variables with which tools and builds use the local cloud."""
    return {
        **environment(endpoint_url),
        STATE_MARK: str(paths.state),
        "TOOLCHAIN_CACHE": str(paths.toolchains),
        # Every build has a new checkout: with the caches of this one its checks are faster.
        "MYPY_CACHE_DIR": str(ROOT / ".cache" / "mypy"),
        "CHECKS_CACHE": str(ROOT / ".cache"),
        "CDK_DISABLE_VERSION_CHECK": "1",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }


def lend_toolchain(paths: CloudPaths) -> None:
    """Let builds of commits with the same lock files use this checkout's tools."""
    for stamp in (ROOT / ".venv").glob("ready-*"):
        home: Path = paths.toolchains / stamp.name.removeprefix("ready-")
        if (home / ".venv" / stamp.name).exists() and (home / "node_modules").exists():
            continue
        home.mkdir(parents=True, exist_ok=True)
        for link, target in ((".venv", ROOT / ".venv"), ("node_modules", NODE_MODULES)):
            # Several runs may do this at the same time.
            unfinished = home / f"{link}-{uuid.uuid4().hex}"
            unfinished.symlink_to(target.resolve())
            unfinished.replace(home / link)
