"""Allows deleting environments of branches only, except the trunk's."""

from lambda_src.shared.branch_suffix import is_branch_suffix, suffix_of_branch


class NotOurs(Exception):
    """The named resource may not be deleted; the message says why. A retry changes nothing."""


def refuse_unless_ephemeral(suffix: object, *, trunk: str) -> str:
    """Return `suffix` as text. Raises NotOurs.

    Suffixes of staging, production and those given by hand have another form.
    """
    if not isinstance(suffix, str) or not is_branch_suffix(suffix):
        raise NotOurs(f"suffix is {suffix!r}: only environments of branches are deleted")
    if suffix == suffix_of_branch(trunk):
        raise NotOurs(f"suffix is {suffix!r}: that is the trunk's environment")
    return suffix
