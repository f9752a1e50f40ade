"""The file that says which server of a pair is the writer, for a cloud that starts again."""

import json
from dataclasses import dataclass
from pathlib import Path

from local_cloud.whole_file import write_whole


@dataclass(frozen=True, kw_only=True)
class Roles:
    """`writer` is the name of its data directory. An outdated standby needs a new copy."""

    writer: str
    standby_is_outdated: bool


@dataclass(frozen=True, kw_only=True)
class DatabaseRoles:
    """Written before a standby is promoted, and before its data are replaced."""

    file: Path

    @classmethod
    def beside(cls, data_dir: Path) -> "DatabaseRoles":
        return cls(file=data_dir.with_name("roles.json"))

    def read(self) -> Roles:
        return Roles(**json.loads(self.file.read_text()))

    def write(self, *, writer: str, standby_is_outdated: bool) -> None:
        text = {"writer": writer, "standby_is_outdated": standby_is_outdated}
        write_whole(self.file, json.dumps(text))
