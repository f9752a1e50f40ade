"""What the page shows, and where it reads it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CACHE_SECONDS: Final = 2
_CACHE_SECONDS_ON_AWS: Final = 10  # every browser asks again and again, and AWS limits its callers


@dataclass(frozen=True, kw_only=True)
class PageSettings:
    """The local cloud's page, or with `is_aws` that of an AWS account."""

    checkout: Path  # results of benchmarks and the pictures are files of it
    is_aws: bool = False
    endpoint_url: str | None = None  # None: AWS's own
    region: str = "us-east-1"
    state: Path | None = None  # of the local cloud: logs of runs, records of drills

    @property
    def cache_seconds(self) -> int:
        return _CACHE_SECONDS_ON_AWS if self.is_aws else _CACHE_SECONDS

    @property
    def drills(self) -> Path:
        """Where drills write the records and plots of their last runs."""
        return (self.state or self.checkout / ".local") / "drills"

    @property
    def place(self) -> str:
        """The name of what the page shows, for its heading."""
        return f"AWS, {self.region}" if self.is_aws else "local cloud"
