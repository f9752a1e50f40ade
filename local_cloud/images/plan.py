"""What a Dockerfile's target stage puts where, and what it would have run."""

import posixpath
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from local_cloud.images.dockerfile import (
    DockerfileError,
    Instruction,
    UnsetVariable,
    expand,
    parse,
)


@dataclass(frozen=True, kw_only=True)
class Copy:
    """Files of the build context to put at `destination`, an absolute path.

    `into_folder` is true where the Dockerfile names a folder (`/srv/`, `.`).
    """

    sources: tuple[str, ...]
    destination: str
    into_folder: bool
    line: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One stage, with everything it inherits from the stages it is built on."""

    base: str
    workdir: str = "/"
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    expose: tuple[str, ...] = ()
    copies: tuple[Copy, ...] = ()
    not_executed: tuple[str, ...] = ()


def plan(text: str, *, build_args: Mapping[str, str], target: str | None = None) -> Plan:
    """The plan of stage `target` (default: the last). Raises DockerfileError."""
    reader = _Reader(build_args)
    for instruction in parse(text):
        try:
            reader.read(instruction)
        except UnsetVariable as error:
            raise instruction.error(str(error)) from None
    return reader.result(target)


class _Reader:
    def __init__(self, build_args: Mapping[str, str]) -> None:
        self._build_args = dict(build_args)
        self._global_args: dict[str, str] = {}
        self._args: dict[str, str] = {}
        self._stages: list[Plan] = []
        self._names: dict[str, int] = {}
        self._shell: tuple[str, ...] = ("/bin/sh", "-c")

    def read(self, instruction: Instruction) -> None:
        if instruction.name == "FROM":
            self._from(instruction)
        elif instruction.name == "ARG":
            self._arg(instruction)
        elif not self._stages:
            raise instruction.error("the first instruction must be FROM")
        else:
            self._stages[-1] = self._applied(self._stages[-1], instruction)

    def result(self, target: str | None) -> Plan:
        if not self._stages:
            raise DockerfileError("the Dockerfile has no FROM")
        if target is None:
            return self._stages[-1]
        if target not in self._names:
            raise DockerfileError(f"the Dockerfile has no stage {target!r}")
        return self._stages[self._names[target]]

    def _from(self, instruction: Instruction) -> None:
        words = expand(instruction.argument, self._global_args).split()
        if len(words) not in {1, 3} or (len(words) == 3 and words[1].upper() != "AS"):
            raise instruction.error(f"expected `image [AS name]`, got {instruction.argument!r}")
        parent = self._names.get(words[0])
        self._stages.append(Plan(base=words[0]) if parent is None else self._stages[parent])
        self._args = {}
        self._shell = ("/bin/sh", "-c")
        if len(words) == 3:
            self._names[words[2]] = len(self._stages) - 1

    def _arg(self, instruction: Instruction) -> None:
        for word in shlex.split(instruction.argument):
            name, has_default, default = word.partition("=")
            value = self._build_args.get(name)
            if value is None and has_default:
                value = expand(default, self._variables())
            if value is None and self._stages:
                value = self._global_args.get(name)
            if value is not None:
                (self._args if self._stages else self._global_args)[name] = value

    def _variables(self) -> dict[str, str]:
        env = self._stages[-1].env if self._stages else {}
        return {**self._global_args, **env} if not self._stages else {**self._args, **env}

    def _applied(self, stage: Plan, instruction: Instruction) -> Plan:  # noqa: PLR0911
        text = expand(instruction.argument, self._variables())
        match instruction.name:
            case "WORKDIR":
                return replace(stage, workdir=_absolute(text, stage.workdir))
            case "ENV":
                return replace(stage, env={**stage.env, **self._env(instruction)})
            case "USER":
                return replace(stage, user=text)
            case "EXPOSE":
                return replace(stage, expose=(*stage.expose, *text.split()))
            case "CMD":
                return replace(stage, cmd=self._command(instruction))
            case "ENTRYPOINT":
                # As docker does: a new entry point forgets the inherited command.
                return replace(stage, entrypoint=self._command(instruction), cmd=())
            case "COPY" | "ADD":
                return self._copied(stage, instruction)
            case "RUN":
                return _skipped(stage, instruction)
            case "SHELL":
                self._shell = tuple(instruction.json_form() or self._shell)
                return stage
            case _:  # LABEL, HEALTHCHECK, VOLUME, ...: nothing that changes a file or the command
                return stage

    def _command(self, instruction: Instruction) -> tuple[str, ...]:
        words = instruction.json_form()
        return tuple(words) if words is not None else (*self._shell, instruction.argument)

    def _env(self, instruction: Instruction) -> dict[str, str]:
        variables = self._variables()
        first = instruction.argument.split(maxsplit=1)
        if "=" not in first[0]:  # the old form: ENV NAME the whole rest
            if len(first) != 2:
                raise instruction.error(f"expected NAME=value, got {instruction.argument!r}")
            return {first[0]: expand(first[1], variables)}
        pairs = {}
        for word in shlex.split(instruction.argument):
            name, equals, value = word.partition("=")
            if not equals:
                raise instruction.error(f"expected NAME=value, got {word!r}")
            pairs[name] = expand(value, variables)
        return pairs

    def _copied(self, stage: Plan, instruction: Instruction) -> Plan:
        if "from" in instruction.flags:
            return _skipped(stage, instruction)
        words = instruction.json_form() or shlex.split(instruction.argument)
        words = [expand(word, self._variables()) for word in words]
        if any(word.startswith("<<") for word in words):
            raise instruction.error("here-documents are not supported by the local cloud")
        if len(words) < 2:
            raise instruction.error("needs a source and a destination")
        if any("://" in word for word in words[:-1]):
            return _skipped(stage, instruction)
        *sources, destination = words
        into_folder = destination.endswith("/") or posixpath.basename(destination) in {".", ".."}
        if len(sources) > 1 and not into_folder:
            raise instruction.error("with several sources the destination must end with /")
        copy = Copy(
            sources=tuple(sources),
            destination=_absolute(destination, stage.workdir),
            into_folder=into_folder,
            line=instruction.line,
        )
        return replace(stage, copies=(*stage.copies, copy))


def _skipped(stage: Plan, instruction: Instruction) -> Plan:
    flags = "".join(f"--{name}={value} " for name, value in instruction.flags.items())
    note = f"{instruction.name} {flags}{instruction.argument}"
    return replace(stage, not_executed=(*stage.not_executed, note))


def _absolute(path: str, workdir: str) -> str:
    # normpath keeps a leading "//": strip, so that joining to the root folder cannot escape it.
    return "/" + posixpath.normpath(posixpath.join("/", workdir, path)).lstrip("/")
