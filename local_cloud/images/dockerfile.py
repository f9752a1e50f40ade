"""Reads a Dockerfile into instructions; knows its syntax, not its meaning."""

import json
import re
from dataclasses import dataclass, field

_KNOWN = re.compile(
    "ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|RUN|SHELL|"
    "STOPSIGNAL|USER|VOLUME|WORKDIR"
)
_WITH_FLAGS = frozenset({"ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"})
_FLAG = re.compile(r"--([a-z-]+)(?:=(\S+))?\s+")
_HEREDOC = re.compile(r"<<-?[\"']?(\w+)[\"']?")
_VARIABLE = re.compile(
    r"\\\$|\$(?:(?P<bare>\w+)|\{(?P<name>\w+)(?:(?P<operator>:[-+?])(?P<word>[^}]*))?\})"
)


class DockerfileError(Exception):
    """The Dockerfile cannot be built; the message names the line and the rule."""


class UnsetVariable(Exception):
    """A variable that the Dockerfile demands has no value; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One instruction with its continuations joined; `line` is where it begins, from 1."""

    name: str
    argument: str
    line: int
    flags: dict[str, str] = field(default_factory=dict)

    def json_form(self) -> list[str] | None:
        """The argument as a list where it is written as one (`["a", "b"]`), else None."""
        if not self.argument.startswith("["):
            return None
        try:
            words = json.loads(self.argument)
        except json.JSONDecodeError:
            return None  # docker takes a broken list for the shell form, too
        return words if all(isinstance(word, str) for word in words) else None

    def error(self, rule: str) -> DockerfileError:
        return DockerfileError(f"Dockerfile line {self.line}, {self.name}: {rule}")


def parse(text: str) -> list[Instruction]:
    """The instructions in order. Raises DockerfileError."""
    lines = text.splitlines()
    found: list[Instruction] = []
    index = 0
    while index < len(lines):
        start = index + 1
        if not lines[index].strip() or lines[index].lstrip().startswith("#"):
            index += 1
            continue
        statement, index = _join(lines, index)
        instruction = _instruction(statement, start)
        for terminator in _heredocs(instruction):
            index = _skip_heredoc(lines, index, terminator, instruction)
        found.append(instruction)
    return found


def expand(text: str, variables: dict[str, str]) -> str:
    """Replace `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}`; unknown names are empty.

    Raises UnsetVariable for `${NAME:?reason}` where NAME is unknown or empty.
    """

    def value(match: re.Match[str]) -> str:
        name = match["bare"] or match["name"]
        if name is None:
            return "$"
        known = variables.get(name, "")
        if match["operator"] == ":-":
            return known or str(match["word"])
        if match["operator"] == ":?" and not known:
            reason = match["word"] or "must be set, with --build-arg for an ARG"
            raise UnsetVariable(f"{name}: {reason}")
        if match["operator"] == ":+":
            return str(match["word"]) if known else ""
        return known

    return _VARIABLE.sub(value, text)


def _join(lines: list[str], index: int) -> tuple[str, int]:
    """One statement from `index` on, and the index of the line after it."""
    parts: list[str] = []
    while index < len(lines):
        line = lines[index]
        index += 1
        # Comments and empty lines inside a continuation are no part of it.
        if parts and (not line.strip() or line.lstrip().startswith("#")):
            continue
        continues = line.rstrip().endswith("\\")
        parts.append(line.rstrip().removesuffix("\\") if continues else line.rstrip())
        if not continues:
            break
    return "".join(parts).strip(), index


def _instruction(statement: str, line: int) -> Instruction:
    word, _, rest = statement.partition(" ")
    name = word.upper()
    if not _KNOWN.fullmatch(name):
        raise DockerfileError(f"Dockerfile line {line}: {word!r} is not an instruction")
    rest = rest.strip()
    flags: dict[str, str] = {}
    while name in _WITH_FLAGS and (match := _FLAG.match(rest)):
        flags[match[1]] = match[2] or "true"
        rest = rest[match.end() :]
    if not rest:
        raise DockerfileError(f"Dockerfile line {line}: {name} needs an argument")
    return Instruction(name=name, argument=rest, line=line, flags=flags)


def _heredocs(instruction: Instruction) -> list[str]:
    if instruction.name not in {"RUN", "COPY", "ADD"}:
        return []
    return _HEREDOC.findall(instruction.argument)


def _skip_heredoc(lines: list[str], index: int, terminator: str, owner: Instruction) -> int:
    while index < len(lines):
        index += 1
        if lines[index - 1].strip() == terminator:
            return index
    raise owner.error(f"the here-document is not ended by {terminator!r}")
