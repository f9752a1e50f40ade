"""The modules that a program imports, found in its source without executing it."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from infra.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class ImportedModules:
    """`files` are the modules below the root; `packages` are third-party packages."""

    files: frozenset[Path]
    packages: frozenset[str]

    @classmethod
    def of(cls, module: str, *, root: Path) -> Self:
        """Follow every import of `module` and of the modules it imports, also inside functions.

        Imports under `TYPE_CHECKING` and the standard library are left out.
        Raises ConfigurationError if `module` is not below `root`, and for a relative import.
        """
        if _file_of(module, root) is None:
            raise ConfigurationError(f"{module}: there is no such module in {root}")
        files: set[Path] = set()
        packages: set[str] = set()
        waiting = [module]
        while waiting:
            name = waiting.pop()
            found = _file_of(name, root)
            if found is None:
                packages.add(name.partition(".")[0])
                continue
            for file in (*_package_files(found, root), found):
                if file not in files:
                    files.add(file)
                    waiting += _imports_of(file.read_text(), root)
        return cls(files=frozenset(files), packages=frozenset(packages - sys.stdlib_module_names))


def _file_of(module: str, root: Path) -> Path | None:
    path = root.joinpath(*module.split("."))
    return next((f for f in (path.with_suffix(".py"), path / "__init__.py") if f.is_file()), None)


def _package_files(file: Path, root: Path) -> Iterator[Path]:
    """The `__init__.py` of every package that contains `file`: Python executes them, too."""
    for folder in file.relative_to(root).parents[:-1]:
        if (init := root / folder / "__init__.py").is_file():
            yield init


@cache
def _imports_of(source: str, root: Path) -> tuple[str, ...]:
    return tuple(_names(ast.parse(source), root))


def _names(node: ast.AST, root: Path) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            if child.level or child.module is None:
                raise ConfigurationError(
                    f"`{ast.unparse(child)}` is relative: import a module of a Lambda asset by its "
                    "full name"
                )
            yield child.module
            named = (f"{child.module}.{alias.name}" for alias in child.names)
            yield from (name for name in named if _file_of(name, root))
        elif isinstance(child, ast.If) and _is_for_the_type_checker(child):
            yield from _names(ast.Module(body=child.orelse, type_ignores=[]), root)
        else:
            yield from _names(child, root)


def _is_for_the_type_checker(node: ast.If) -> bool:
    return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
