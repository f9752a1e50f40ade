"""`make up` deploys the branch hub again when one of its sources has changed."""

import tomllib

import grimp

from local_cloud.assembly import HUB_SOURCES
from local_cloud.paths import ROOT

HUB = "branch_hub.infrastructure.hub_stack"


def test_the_version_of_the_hub_covers_every_module_that_it_imports() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = settings["tool"]["importlinter"]["root_packages"]
    graph = grimp.build_graph(*packages, cache_dir=str(ROOT / ".cache" / "imports"))
    # A package is imported with each of its modules.
    imported = [m for m in graph.find_upstream_modules(HUB) if "." in m]
    files = [f"{module.replace('.', '/')}.py" for module in imported]
    assert [file for file in files if not file.startswith(HUB_SOURCES)] == []
