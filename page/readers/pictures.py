"""The plots of drills and benchmarks, and the pictures of the documentation."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from page.settings import PageSettings

_RESULTS: Final = Path("bench/results")


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder whose pictures are shown, under a name that addresses may hold."""

    name: str
    title: str
    path: Path
    newest_first: bool = False


@dataclass(frozen=True, kw_only=True)
class Picture:
    folder: str
    name: str  # of its file, without the ending
    drawn: datetime
    about: Mapping[str, Any] = field(default_factory=dict)  # from the record beside it
    page: str = ""  # of the results, where there is one

    @property
    def title(self) -> str:
        return str(self.about.get("title") or self.name.replace("-", " ").replace("_", " "))

    @property
    def address(self) -> str:
        """Its moment lets the browser see a new drawing."""
        return f"/pictures/{self.folder}/{self.name}.svg?{int(self.drawn.timestamp())}"

    @property
    def facts(self) -> dict[str, str]:
        """What the record says in a word or a number, for the caption."""
        return {
            name.replace("_", " "): f"{value:,}" if isinstance(value, int | float) else value
            for name, value in self.about.items()
            if name != "title" and isinstance(value, str | int | float)
        }


@dataclass(frozen=True, kw_only=True)
class Plots:
    folder: Folder
    pictures: Sequence[Picture]


def plots(settings: PageSettings) -> list[Plots]:
    """The last drills first, then what was recorded for everybody."""
    return [
        Plots(folder=folder, pictures=_pictures(folder))
        for folder in _folders(settings)
        if folder.name != _DOCUMENTATION
    ]


def picture_file(settings: PageSettings, folder: str, name: str) -> Path | None:
    """The file of a picture that a page shows; None for every other name."""
    for known in _folders(settings):
        if known.name == folder:
            return next((f for f in _files(known) if f.name == name), None)
    return None


_DOCUMENTATION: Final = "documentation"


def _folders(settings: PageSettings) -> tuple[Folder, ...]:
    results = settings.checkout / _RESULTS
    return (
        Folder(name="last", title="Last drills", path=settings.drills, newest_first=True),
        Folder(name="drills", title="Recorded drills", path=results / "drills"),
        Folder(name="benchmarks", title="Benchmarks", path=results),
        Folder(name=_DOCUMENTATION, title="Documentation", path=settings.checkout / "docs"),
    )


def _pictures(folder: Folder) -> list[Picture]:
    found = [
        Picture(
            folder=folder.name,
            name=file.stem,
            drawn=datetime.fromtimestamp(file.stat().st_mtime, UTC),
            about=_record(file.with_suffix(".json")),
            page=page.name if (page := file.with_suffix(".md")).exists() else "",
        )
        for file in _files(folder)
    ]
    if folder.newest_first:
        found.sort(key=lambda picture: picture.drawn, reverse=True)
    return found


def _files(folder: Folder) -> list[Path]:
    return sorted(folder.path.glob("*.svg"))


def _record(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):  # there is none, or a drill is writing it
        return {}
    return found if isinstance(found, dict) else {}
