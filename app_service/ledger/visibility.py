"""Who sees which accounts and transactions. What one may not see does not exist for it (404)."""

from app_service.ledger.actor import Actor, Role
from app_service.ledger.domain import Account, AccountNotFound


def limited_to(actor: Actor) -> str | None:
    """The client of whose accounts and transactions alone the actor sees something; None: all."""
    return None if actor.role in (Role.READER, Role.OPERATOR) else actor.client_id


def check_visible(account: Account, actor: Actor) -> None:
    """Raises AccountNotFound, as if the account did not exist."""
    if limited_to(actor) not in (None, account.owner):
        raise AccountNotFound(account.account_id)
