"""`python -m checks.checkov_scan <file>...`: prints what checkov finds, as JSON.

A finding names its file by the position among the arguments.

This is a process of its own: checkov is installed apart (docs/decisions/checkov-apart.md) and must
not be imported where other versions of its packages are in use.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from checks.assembly import StackTemplate
from checks.findings import Finding
from checks.remembered import remembered

# Set-up (toolchain/setup.py) installs it there.
CHECKOV: Final = Path(sys.prefix) / "checkov"
ROOT: Final = Path(__file__).resolve().parent.parent
_SETTINGS: Final = (ROOT / "requirements-checkov.txt", Path(__file__))


def checkov(templates: Iterable[StackTemplate], dockerfile: Path) -> Iterator[Finding]:
    """Yield what checkov finds in `templates` and in a Dockerfile of this repository."""
    scanned = list(templates)
    files = [*(template.file for template in scanned), dockerfile]
    answer = remembered("checkov", files=[*files, *_SETTINGS], scan=lambda: _run(files))
    for failed in json.loads(answer):
        if failed["file"] == len(scanned):
            yield Finding(rule=failed["rule"], where=str(dockerfile.relative_to(ROOT)))
        else:
            template = scanned[failed["file"]]
            yield Finding(
                rule=failed["rule"],
                where=template.place(failed["resource"].rpartition(".")[2]),
                configuration=template.configuration,
            )


def _run(files: Iterable[Path]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "checks.checkov_scan", *(str(file.resolve()) for file in files)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def main(files: Sequence[str]) -> int:
    # At the end: of a package that is in both places, the project's own version works.
    sys.path.append(str(CHECKOV))
    try:
        from checkov.cloudformation.runner import Runner as Templates  # noqa: PLC0415
        from checkov.dockerfile.runner import Runner as Dockerfiles  # noqa: PLC0415
        from checkov.runner_filter import RunnerFilter  # noqa: PLC0415
    except ModuleNotFoundError as error:
        sys.exit(f"checkov: {error.name} is not installed: run `make setup`")

    failed: list[dict[str, Any]] = []
    for framework, runner, suffix in (
        ("cloudformation", Templates(), ".json"),
        ("dockerfile", Dockerfiles(), "Dockerfile"),
    ):
        own = [name for name in files if name.endswith(suffix)]
        report = runner.run(
            root_folder=None, files=own, runner_filter=RunnerFilter(framework=[framework])
        )
        if report.parsing_errors:
            sys.exit(f"checkov: cannot read {', '.join(report.parsing_errors)}")
        if not report.passed_checks:
            sys.exit(f"checkov: no check of {framework} ran")
        failed += [
            {
                "rule": check.check_id,
                "file": files.index(check.file_abs_path),
                "resource": check.resource,
            }
            for check in report.failed_checks
        ]
    json.dump(failed, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
