"""README.md: its table of folders is the tree, and the paths that it names exist."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def section(title: str) -> str:
    return README.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_table_of_folders_lists_every_folder_and_no_other() -> None:
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    folders = {file.partition("/")[0] for file in files.stdout.splitlines() if "/" in file}
    rows = [line.split("|")[1] for line in section("Folders").splitlines() if line.startswith("|")]
    listed = {name for row in rows for name in re.findall(r"`([\w.]+)/", row)}

    assert listed == folders


def test_the_files_to_change_exist() -> None:
    named = re.findall(r"`([\w./]+/[\w./]*)`", section("To change something"))

    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
