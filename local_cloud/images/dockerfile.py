"""Reads a Dockerfile that uses only the forms of instructions that `app_service/Dockerfile` uses.

Every other form is refused, so that no Dockerfile has another meaning here than for Docker.
"""

import json
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

_REFERENCE = re.compile(r"\$\{(\w+)(:\?)?\}")
_WITHOUT_EFFECT = ("EXPOSE", "USER", "VOLUME")


class DockerfileError(Exception):
    """The image cannot be built; the message names the line and what to do."""


@dataclass(frozen=True, kw_only=True)
class Copy:
    """COPY of one file or folder of the build context to `destination`, an absolute path.

    `into_folder` is true where the destination ends with `/`.
    """

    source: str
    destination: str
    into_folder: bool
    line: int


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage, with everything that it inherits from the stage it is built on."""

    workdir: str = "/"
    env: Mapping[str, str] = field(default_factory=dict)
    cmd: tuple[str, ...] = ()
    copies: tuple[Copy, ...] = ()
    not_executed: tuple[str, ...] = ()


def read_dockerfile(text: str, *, build_args: Mapping[str, str]) -> list[Stage]:
    """The stages in order; the last one is the image. Raises DockerfileError."""
    reader = _Reader(build_args)
    for line, statement in _statements(text):
        try:
            reader.read(statement, line)
        except ValueError as error:
            raise DockerfileError(
                f"Dockerfile line {line}, `{statement[:80]}`: {error}. The local image builder "
                "knows the forms that app_service/Dockerfile uses: write it with these, or extend "
                "local_cloud/images/dockerfile.py"
            ) from error
    if not reader.stages:
        raise DockerfileError("the Dockerfile has no FROM")
    return reader.stages


class _Reader:
    """Reads one statement after another; raises ValueError for a form that it does not know."""

    def __init__(self, build_args: Mapping[str, str]) -> None:
        self.stages: list[Stage] = []
        self._build_args = build_args
        self._names: dict[str, int] = {}

    def read(self, statement: str, line: int) -> None:
        name, _, argument = statement.partition(" ")
        match name, argument.split():
            case "ARG", [variable] if variable.isidentifier() and not self.stages:
                pass  # `_image` asks for its value
            case "FROM", [image]:
                self._begin(image)
            case "FROM", [image, "AS", stage_name]:
                self._begin(image)
                self._names[stage_name] = len(self.stages) - 1
            case _ if not self.stages or name in {"ARG", "FROM"}:
                raise ValueError(f"{name} is not known in this form or at this place")
            case _:
                self.stages[-1] = _applied(self.stages[-1], name, argument.strip(), line)

    def _begin(self, image: str) -> None:
        base = self._names.get(_REFERENCE.sub(self._value, image))
        self.stages.append(Stage() if base is None else self.stages[base])

    def _value(self, reference: re.Match[str]) -> str:
        value = self._build_args.get(reference[1], "")
        if reference[2] and not value:
            raise ValueError(f"{reference[1]} must be set: --build-arg {reference[1]}=...")
        return value


def _applied(stage: Stage, name: str, argument: str, line: int) -> Stage:
    if "<<" in argument or ("$" in argument and name != "RUN"):
        raise ValueError(f"{name} with variables or here-documents is not known")
    change: dict[str, Any] = {}
    match name, argument.split() if name == "RUN" else shlex.split(argument):
        case "RUN", _:
            change["not_executed"] = (*stage.not_executed, f"RUN {argument}")
        case "COPY", [option, _, _] if option.startswith("--from="):
            change["not_executed"] = (*stage.not_executed, f"COPY {argument}")
        case "COPY", [source, to] if not set(source) & set("*?["):
            copy = Copy(
                source=source,
                destination=posixpath.normpath(posixpath.join(stage.workdir, to)),
                into_folder=to.endswith("/"),
                line=line,
            )
            change["copies"] = (*stage.copies, copy)
        case "WORKDIR", [path] if path.startswith("/"):
            change["workdir"] = path
        case "ENV", [_, *_] as words if all("=" in word for word in words):
            change["env"] = {**stage.env, **dict(word.split("=", 1) for word in words)}
        case "CMD", _ if argument.startswith("["):
            change["cmd"] = tuple(json.loads(argument))
        case _, [_, *_] if name in _WITHOUT_EFFECT:
            pass
        case _:
            raise ValueError(f"{name} is not known in this form")
    return replace(stage, **change)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each instruction with the number of its first line, continuation lines joined."""
    parts: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        first = first if parts else number
        parts.append(line.rstrip().removesuffix("\\"))
        if not line.rstrip().endswith("\\"):
            yield first, "".join(parts).strip()
            parts = []
    if parts:
        yield first, "".join(parts).strip()
