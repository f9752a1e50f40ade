"""Hands the settings that a user made for pip to uv, which reads none of them."""

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
# In which pip, but not uv, looks for the authorities where it has no setting.
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# UV_FIND_LINKS is the one list that uv separates by commas.
_SEPARATORS = {"UV_FIND_LINKS": ","}
# A later section wins, as in pip.
_SECTIONS = ("global", "install", ":env:")


def uv_environment(pip: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` with uv's variables added for every setting that pip has.

    `pip` is a Python that has pip. A variable that the user set for uv itself stays.
    Every package is looked for on every index, as pip does: the hashes in the lock files, not the
    order of the indexes, decide what may be installed.
    """
    settings = _settings(pip, environment)
    for variable in _CERTIFICATES:
        settings["cert"] = settings.get("cert") or environment.get(variable, "")
    wanted = {"UV_SYSTEM_CERTS": "true", "UV_INDEX_STRATEGY": "unsafe-best-match"}
    if not _can_write(_cache_folder(environment)):
        wanted["UV_NO_CACHE"] = "true"  # as pip does it; uv would stop
    for option, variable in (_VARIABLES | _FURTHER_INDEXES).items():
        if value := settings.get(option, "").split():
            wanted[variable] = _SEPARATORS.get(variable, " ").join(value)
    return {**wanted, **environment}


def lock_environment(pip: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Like `uv_environment`, with one index only.

    A further index may hold a part of a release's files: their hashes alone would make a lock that
    fails everywhere else.
    """
    further = set(_FURTHER_INDEXES.values())
    return {n: v for n, v in uv_environment(pip, environment).items() if n not in further}


def _settings(pip: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """pip's settings by option, from its files and from PIP_ variables, as it merges them."""
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
    """Where uv keeps what it downloads."""
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
