"""The answer of the check that a build of a pipeline made before it deployed anything."""

from collections.abc import Mapping
from typing import Any, Final

# The variable that the build exports.
VERDICT: Final = "VERDICT"
_REFUSED: Final = "refused: "


def verdict_of(result: Mapping[str, Any]) -> str | None:
    """Return the exported variable from the result of startBuild.sync; None if it has none."""
    exported = (result.get("Build") or {}).get("ExportedEnvironmentVariables") or []
    return next((str(v.get("Value")) for v in exported if v.get("Name") == VERDICT), None)


def refusal_of(verdict: str | None) -> str | None:
    """Return the reason of a refusal."""
    if verdict is None or not verdict.startswith(_REFUSED):
        return None
    return verdict.removeprefix(_REFUSED)
