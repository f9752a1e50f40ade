"""Gives uv the settings that a user has for pip; uv does not read them itself."""

import ast
import os
from collections.abc import Mapping
from pathlib import Path

from toolchain.report import run

# pip's option -> uv's variable. pip takes several values separated by white space.
_FURTHER_INDEXES = {"extra-index-url": "UV_INDEX", "find-links": "UV_FIND_LINKS"}
_VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
    "trusted-host": "UV_INSECURE_HOST",
}
# pip, unlike uv, reads these variables if it has no setting for the CA file.
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# Of the lists, uv separates only UV_FIND_LINKS by commas.
_SEPARATORS = {"UV_FIND_LINKS": ","}
# A later section wins, as in pip.
_SECTIONS = ("global", "install", ":env:")


def uv_environment(pip: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` with uv's variables added for every setting that pip has.

    `pip` is a Python that has pip. A variable that the user set for uv itself stays.
    uv looks for every package on every index, as pip does: the hashes in the lock files, not the
    order of the indexes, decide what may be installed.
    """
    settings = _settings(pip, environment)
    for variable in _CERTIFICATES:
        settings["cert"] = settings.get("cert") or environment.get(variable, "")
    wanted = {"UV_SYSTEM_CERTS": "true", "UV_INDEX_STRATEGY": "unsafe-best-match"}
    if not _can_write(_cache_folder(environment)):
        wanted["UV_NO_CACHE"] = "true"  # as pip does; uv would fail
    for option, variable in (_VARIABLES | _FURTHER_INDEXES).items():
        if value := settings.get(option, "").split():
            wanted[variable] = _SEPARATORS.get(variable, " ").join(value)
    return {**wanted, **environment}


def lock_environment(pip: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Like `uv_environment`, with one index only.

    A further index may hold only some of a release's files: a lock with their hashes alone would
    fail on every other machine.
    """
    further = set(_FURTHER_INDEXES.values())
    return {n: v for n, v in uv_environment(pip, environment).items() if n not in further}


def _settings(pip: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return pip's settings by option, merged from its files and PIP_ variables as pip does."""
    listing = run(
        "read pip's settings",
        [pip, "-m", "pip", "config", "list"],
        folder=Path.cwd(),
        environment=environment,
    )
    # Lines such as `global.cert='/etc/certificates.pem'`.
    pairs = (line.partition("=") for line in listing.splitlines())
    found = {name.rpartition("."): value for name, _, value in pairs if value}
    return {
        option: str(ast.literal_eval(value))
        for section in _SECTIONS
        for (where, _, option), value in found.items()
        if where == section
    }


def _cache_folder(environment: Mapping[str, str]) -> Path:
    """The folder in which uv keeps downloads."""
    if own := environment.get("UV_CACHE_DIR"):
        return Path(own)
    caches = environment.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path(environment.get("HOME", "/"), ".cache")) / "uv"


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
