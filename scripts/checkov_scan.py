"""`python -m scripts.checkov_scan <file>...`: what checkov finds in these files, as JSON.

A process of its own: checkov lies apart (docs/decisions/checkov-apart.md), and it must not be
imported where other versions of its packages are at work.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from scripts.assembly import StackTemplate
from scripts.findings import Finding

# Where scripts/setup.py puts it.
CHECKOV: Final = Path(sys.prefix) / "checkov"
ROOT: Final = Path(__file__).resolve().parent.parent


def checkov(templates: Iterable[StackTemplate], dockerfiles: Sequence[str]) -> Iterator[Finding]:
    """Yield what checkov finds. `dockerfiles` are paths in the repository."""
    by_file = {str(template.file.resolve()): template for template in templates}
    done = subprocess.run(
        [sys.executable, "-m", "scripts.checkov_scan", *by_file, *dockerfiles],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    for failed in json.loads(done.stdout):
        template = by_file.get(failed["file"])
        logical_id = failed["resource"].rpartition(".")[2]
        yield Finding(
            rule=failed["rule"],
            where=template.place(logical_id) if template else _in_repository(failed["file"]),
            configuration=template.configuration if template else "",
        )


def _in_repository(file: str) -> str:
    return str(Path(file).relative_to(ROOT))


def main(files: Sequence[str]) -> int:
    # At the end: where a package is both here and there, the project's own is good enough.
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
            sys.exit(f"checkov: not one check of {framework} was made")
        failed += [
            {"rule": check.check_id, "file": check.file_abs_path, "resource": check.resource}
            for check in report.failed_checks
        ]
    json.dump(failed, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
