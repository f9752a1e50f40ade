"""Parses a buildspec (version 0.2, JSON or YAML)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")
_RECORDED = ("reports", "cache", "proxy", "batch", "run-as")


class BuildspecError(Exception):
    """The buildspec is not valid; the message names the field and the rule."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Commands of one phase; `finally_commands` run also after a failure."""

    name: str
    commands: tuple[str, ...]
    finally_commands: tuple[str, ...] = ()
    continues_on_failure: bool = False


@dataclass(frozen=True, kw_only=True)
class ArtifactRule:
    """The files below `base_directory` that are one output artifact."""

    base_directory: str
    files: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    discard_paths: bool = False


@dataclass(frozen=True, kw_only=True)
class Buildspec:
    phases: tuple[Phase, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    parameter_store: Mapping[str, str] = field(default_factory=dict)
    secrets_manager: Mapping[str, str] = field(default_factory=dict)
    exported_variables: tuple[str, ...] = ()
    artifacts: ArtifactRule | None = None
    secondary_artifacts: Mapping[str, ArtifactRule] = field(default_factory=dict)
    runtime_versions: Mapping[str, str] = field(default_factory=dict)
    recorded_only: tuple[str, ...] = ()


def parse_buildspec(text: str) -> Buildspec:
    """Raises BuildspecError."""
    try:
        # JSON is YAML; this loader keeps every scalar as text.
        document = yaml.load(text, Loader=yaml.BaseLoader)  # nosec B506 # creates no objects
    except yaml.YAMLError as error:
        raise BuildspecError(f"the buildspec is neither JSON nor YAML: {error}") from error
    top = _mapping(document, "buildspec")
    if top.get("version") != "0.2":
        raise BuildspecError(f"version must be 0.2, got {top.get('version')!r}")
    env = _mapping(top.get("env") or {}, "env")
    phases = _mapping(top.get("phases"), "phases")
    if unknown := set(phases) - set(PHASES):
        raise BuildspecError(f"phases: {sorted(unknown)} are not phases; known: {list(PHASES)}")
    artifacts = _mapping(top.get("artifacts") or {}, "artifacts")
    secondary = _mapping(artifacts.get("secondary-artifacts") or {}, "secondary-artifacts")
    install = phases.get("install") or {}
    return Buildspec(
        phases=tuple(_phase(name, phases[name]) for name in PHASES if name in phases),
        variables=_texts(env, "variables"),
        parameter_store=_texts(env, "parameter-store"),
        secrets_manager=_texts(env, "secrets-manager"),
        exported_variables=_list(env.get("exported-variables"), "env.exported-variables"),
        artifacts=_artifact(artifacts, "artifacts") if "files" in artifacts else None,
        secondary_artifacts={
            name: _artifact(_mapping(rule, name), f"secondary-artifacts.{name}")
            for name, rule in secondary.items()
        },
        runtime_versions=_texts(_mapping(install, "phases.install"), "runtime-versions"),
        recorded_only=tuple(name for name in _RECORDED if name in top),
    )


def _phase(name: str, value: Any) -> Phase:
    body = _mapping(value, f"phases.{name}")
    on_failure = str(body.get("on-failure", "ABORT"))
    if on_failure not in {"ABORT", "CONTINUE"}:
        raise BuildspecError(
            f"phases.{name}.on-failure must be ABORT or CONTINUE here, got {on_failure!r}"
        )
    return Phase(
        name=name,
        commands=_list(body.get("commands"), f"phases.{name}.commands"),
        finally_commands=_list(body.get("finally"), f"phases.{name}.finally"),
        continues_on_failure=on_failure == "CONTINUE",
    )


def _artifact(rule: Mapping[str, Any], where: str) -> ArtifactRule:
    files = _list(rule.get("files"), f"{where}.files")
    if not files:
        raise BuildspecError(f"{where}.files must name at least one pattern")
    return ArtifactRule(
        base_directory=str(rule.get("base-directory") or "."),
        files=files,
        exclude=_list(rule.get("exclude-paths"), f"{where}.exclude-paths"),
        discard_paths=str(rule.get("discard-paths", "no")).lower() in {"yes", "true"},
    )


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BuildspecError(f"{where} must be a mapping, got {type(value).__name__}")
    return value


def _texts(parent: Mapping[str, Any], key: str) -> dict[str, str]:
    values = _mapping(parent.get(key) or {}, key)
    return {name: str(value) for name, value in values.items()}


def _list(value: Any, where: str) -> tuple[str, ...]:
    """A list of texts; a single text is a list of one, as for CodeBuild."""
    if not value:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise BuildspecError(f"{where} must be a list of texts, got {value!r}"[:300])
    return tuple(value)
