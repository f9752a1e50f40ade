"""Output artifacts: the files a buildspec names, copied to a folder of their own."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from local_cloud.codebuild.buildspec import ArtifactRule, Buildspec


class ArtifactError(Exception):
    """An artifact of the buildspec is missing or not defined."""


def rule_for(name: str, *, outputs: int, buildspec: Buildspec) -> ArtifactRule:
    """The rule for output artifact `name` of an action with so many `outputs`."""
    if name in buildspec.secondary_artifacts:
        return buildspec.secondary_artifacts[name]
    if outputs == 1 and buildspec.artifacts is not None:
        return buildspec.artifacts
    raise ArtifactError(
        f"the action has the output {name!r}, but the buildspec's artifacts do not define it"
    )


def collect(rule: ArtifactRule, *, source: Path, variables: Mapping[str, str], to: Path) -> int:
    """Copy the files of `rule` below `source` to the new folder `to`; returns their number."""
    base = source / _expanded(rule.base_directory, variables)
    if not base.is_dir():
        raise ArtifactError(f"artifacts base-directory {rule.base_directory!r}: no such folder")
    excluded = {path for pattern in rule.exclude for path in _files(base, pattern)}
    found = {path for pattern in rule.files for path in _files(base, pattern)} - excluded
    if not found:
        raise ArtifactError(f"no file matches artifacts files {list(rule.files)} in {base}")
    to.mkdir(parents=True)
    for path in sorted(found):
        target = to / (path.name if rule.discard_paths else path.relative_to(base))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target, follow_symlinks=False)
    return len(found)


def _files(base: Path, pattern: str) -> Iterator[Path]:
    if pattern.startswith("/") or ".." in Path(pattern).parts:
        raise ArtifactError(f"artifacts pattern {pattern!r} must stay below base-directory")
    for path in base.glob(pattern):
        if path.is_symlink() or path.is_file():
            yield path


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    for name in sorted(variables, key=len, reverse=True):
        text = text.replace(f"${{{name}}}", variables[name]).replace(f"${name}", variables[name])
    return text
