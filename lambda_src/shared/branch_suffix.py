"""Computes the suffix of a branch, by which its pipeline and environment are named."""

import base64
import hashlib
import re
import unicodedata
from typing import Final

SLUG_LENGTH_MAX: Final = 9
HASH_LENGTH: Final = 6  # base-32 characters: 30 bits

_OF_A_BRANCH: Final = re.compile(rf"[a-z0-9]+(-[a-z0-9]+)*-[0-9a-v]{{{HASH_LENGTH}}}")


class InvalidBranch(ValueError):
    """The text is no branch name; the message says what is needed."""


def suffix_of_branch(branch: str) -> str:
    """Return the suffix of `branch` (its name without `refs/heads/`), always the same.

    At most 16 of `a-z`, `0-9` and single hyphens between them. The hash is of the full ref, so
    `feature/a` and `feature-a` differ; the slug is for people. Of all pairs of branches with the
    same slug, one in 1,000 million also has the same hash: the hub then refuses the second branch.
    Raises InvalidBranch for an empty name and for a ref.
    """
    if not branch or branch.startswith("refs/"):
        raise InvalidBranch(f"branch is {branch!r}: it must be a branch name, without refs/heads/")
    return f"{_slug(branch)}-{_hash(f'refs/heads/{branch}')}"


def has_suffix(branch: str, suffix: str) -> bool:
    """Whether `suffix` is that of `branch`; a name that can have no environment has none."""
    try:
        return suffix_of_branch(branch) == suffix
    except InvalidBranch:
        return False


def is_branch_suffix(suffix: str) -> bool:
    """Whether `suffix` has the form of a branch's; a suffix given by hand never has it."""
    return _OF_A_BRANCH.fullmatch(suffix) is not None


def suffix_of_repository(repository: str) -> str:
    """Return the suffix of the hub of `repository`. Raises InvalidBranch for an empty name."""
    if not repository:
        raise InvalidBranch(f"repository is {repository!r}: its name is needed")
    return f"hub-{_hash(f'repository/{repository}')}"


def _hash(name: str) -> str:
    # Undecodable bytes of a name become surrogates in Python: such a name has a suffix, too.
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    # Base 32 of RFC 4648 with the extended hex alphabet: 0-9 and a-v.
    return base64.b32hexencode(digest).decode().lower()[:HASH_LENGTH]


def _slug(branch: str) -> str:
    plain = unicodedata.normalize("NFKD", branch).encode("ascii", "ignore").decode().lower()
    hyphenated = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return hyphenated[:SLUG_LENGTH_MAX].rstrip("-") or "branch"
