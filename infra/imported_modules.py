"""The modules that a program imports, found in its source without executing it."""

import sys
from dataclasses import dataclass
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Self

from infra.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class ImportedModules:
    """`files` are the modules below the root; `elsewhere` are names of all other packages."""

    files: frozenset[Path]
    elsewhere: frozenset[str]

    @classmethod
    def of(cls, module: str, *, root: Path) -> Self:
        """Follow every import of `module` and of the modules it imports, also inside functions.

        Also imports under `TYPE_CHECKING` are followed; the standard library is left out.
        Raises ConfigurationError if `module` is not below `root`.
        """
        finder = ModuleFinder(path=[str(root)])
        try:
            finder.import_hook(module)
        except ImportError:
            raise ConfigurationError(f"{module}: there is no such module in {root}") from None
        files = (getattr(found, "__file__", None) for found in finder.modules.values())
        elsewhere = {name.partition(".")[0] for name in finder.badmodules}
        return cls(
            files=frozenset(Path(file) for file in files if file is not None),
            elsewhere=frozenset(elsewhere - sys.stdlib_module_names),
        )
