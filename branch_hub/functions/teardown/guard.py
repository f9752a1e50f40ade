"""What may be unmade at all: environments of branches, and never the trunk's."""

from lambda_src.shared.branch_suffix import is_branch_suffix, suffix_of_branch


class NotOurs(Exception):
    """What was named may not be removed; says why. Trying again changes nothing."""


def refuse_unless_ephemeral(suffix: object, *, trunk: str) -> str:
    """Return `suffix` as text. Raises NotOurs.

    Staging, production and what was named by hand have another form.
    """
    if not isinstance(suffix, str) or not is_branch_suffix(suffix):
        raise NotOurs(f"suffix is {suffix!r}: only environments of branches are removed")
    if suffix == suffix_of_branch(trunk):
        raise NotOurs(f"suffix is {suffix!r}: that is the trunk's environment")
    return suffix
