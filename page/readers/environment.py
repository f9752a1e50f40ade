"""What an environment is: its stack, addresses, expiry and cost."""

from dataclasses import dataclass

from page.account import Account
from page.cards import Subject
from page.readers.branches import Branch, branches
from page.readers.costs import Cost, cost_of
from page.readers.stacks import Stack, environment_stack


@dataclass(frozen=True, kw_only=True)
class Environment:
    stack: Stack
    branch: Branch
    cost: Cost


def environment(account: Account, subject: Subject) -> Environment:
    """Raises NotThere."""
    stack = environment_stack(account, subject["suffix"])
    branch = next(b for b in branches(account) if stack in b.environments)
    return Environment(stack=stack, branch=branch, cost=cost_of(account, stack.suffix))
