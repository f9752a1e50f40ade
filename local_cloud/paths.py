"""Paths of the checkout, and of the state of a local cloud."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NODE_MODULES = ROOT / "node_modules"
# Every process that a local cloud starts has this variable set to the cloud's state folder.
STATE_MARK = "LOCAL_CLOUD_STATE"
# Where a server answers whether the environments of its saved state serve again.
RESUMED_PATH = "/_local_cloud/resumed"


def state_dir() -> Path:
    """LOCAL_STATE, or `.local/` of the checkout."""
    return Path(os.environ.get("LOCAL_STATE") or ROOT / ".local").resolve()


@dataclass(frozen=True)
class CloudPaths:
    """Every file and folder of one local cloud, below its `state` folder."""

    state: Path

    @property
    def server(self) -> Path:
        """Process id, ports and endpoint of the running server."""
        return self.state / "cloud.json"

    @property
    def server_log(self) -> Path:
        return self.state / "cloud.log"

    @property
    def page(self) -> Path:
        """Process id and port of the running page: see `page.py`."""
        return self.state / "page.json"

    @property
    def page_log(self) -> Path:
        return self.state / "page.log"

    @property
    def drills(self) -> Path:
        """Record and plot of the last run of each drill."""
        return self.state / "drills"

    @property
    def cloud(self) -> Path:
        """Files of the server. What stays between two servers: see `leftovers.py`."""
        return self.state / "cloud"

    @property
    def temporary(self) -> Path:
        return self.cloud / "tmp"

    @property
    def saved(self) -> Path:
        """The saved state of the emulator: see `emulator/state_keeper.py`."""
        return self.cloud / "saved"

    @property
    def saved_version(self) -> Path:
        """Of which version the saved state is, and the port that its addresses name."""
        return self.saved / "version.json"

    @property
    def addresses(self) -> Path:
        return self.cloud / "addresses.json"

    @property
    def databases(self) -> Path:
        return self.cloud / "databases"

    @property
    def database_authority(self) -> Path:
        """Stays when the server stops: templates contain the path of its certificate."""
        return self.state / "database-authority"

    @property
    def load_balancers(self) -> Path:
        return self.cloud / "load-balancers"

    @property
    def load_balancer_process(self) -> Path:
        """The process that serves every listener: see `emulator/caddy.py`."""
        return self.load_balancers / "process.json"

    @property
    def services(self) -> Path:
        return self.cloud / "services"

    @property
    def pipelines(self) -> Path:
        """The deployed pipeline definitions, one JSON file each."""
        return self.cloud / "pipelines"

    @property
    def experiment_templates(self) -> Path:
        """The deployed templates of FIS, one JSON file each."""
        return self.cloud / "experiment-templates"

    @property
    def quotas(self) -> Path:
        """Values of service quotas by code, where a person has written some."""
        return self.state / "quotas.json"

    @property
    def lost_zones(self) -> Path:
        """The zones in which nothing may be started: see `zones.py`."""
        return self.cloud / "lost-zones"

    @property
    def outages(self) -> Path:
        """The AWS services that are away: see `outages.py`."""
        return self.cloud / "outages"

    @property
    def database_clock(self) -> Path:
        """The clock of the database servers: see `database_clock.py`."""
        return self.cloud / "database-clock"

    @property
    def hub_version(self) -> Path:
        """The version of the sources of the deployed branch hub."""
        return self.cloud / "hub-version"

    @property
    def deletions(self) -> Path:
        """Who deleted which branch, one JSON document per line: see `deletions.py`."""
        return self.cloud / "deletions.jsonl"

    @property
    def recorded(self) -> Path:
        return self.cloud / "recorded"

    @property
    def git(self) -> Path:
        """The repositories of the git host, as `<name>.git`."""
        return self.state / "git"

    @property
    def repository(self) -> Path:
        return self.git / "transaction-pipeline.git"

    @property
    def environments(self) -> Path:
        """The facts of each environment, one JSON file per suffix: see `environments.py`."""
        return self.state / "environments"

    @property
    def toolchains(self) -> Path:
        """Virtual environments and Node tools that builds share, by their lock files."""
        return self.state / "cache" / "toolchains"

    @property
    def work(self) -> Path:
        """Checkouts for the duration of one command."""
        return self.state / "work"

    @property
    def builds(self) -> Path:
        """The working folders of builds, while they run."""
        return self.state / "builds"

    @property
    def build_numbers(self) -> Path:
        """The number of the last build of each project, one file each."""
        return self.builds / "numbers"

    @property
    def logs(self) -> Path:
        return self.state / "logs"
