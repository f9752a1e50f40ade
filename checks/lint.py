"""Runs cfn-lint on synthesized templates, with the settings of .cfnlintrc."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from checks.assembly import StackTemplate
from checks.remembered import remembered

ROOT: Final = Path(__file__).resolve().parent.parent
_SETTINGS: Final = (ROOT / ".cfnlintrc", ROOT / "requirements.txt")


def lint(templates: Iterable[StackTemplate]) -> str:
    """Return the findings of cfn-lint as text; empty if there are none."""
    files = [template.file for template in templates]
    return remembered("cfn-lint", files=[*files, *_SETTINGS], scan=lambda: _run(files))


def _run(files: Iterable[Path]) -> str:
    done = subprocess.run(
        ["cfn-lint", *map(str, files)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0 and not done.stdout:
        raise RuntimeError(f"cfn-lint failed: {done.stderr}")
    return done.stdout
