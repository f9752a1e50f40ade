"""GET /accounts, /accounts/{id}, its entries and its statement."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app_service.api import answers
from app_service.api.authentication import actor_of, with_session
from app_service.api.bodies import json_response
from app_service.api.database_reads import lock_and_read, read
from app_service.api.problems import Problem
from app_service.api.url_query import (
    Page,
    account_id_of,
    check_order,
    moment_in,
    parse_digits,
    parse_query,
)
from app_service.clients.session_table import Session
from app_service.database.database import Connection
from app_service.ledger.actor import Actor
from app_service.ledger.domain import Account, Entry, rfc3339
from app_service.ledger.fields import (
    MAX_INTEGER,
    InvalidField,
    PositiveInteger,
    parse_client_id,
)
from app_service.ledger.visibility import limited_to
from app_service.posting import accounts
from app_service.reading import account_history
from app_service.reading.account_history import Period, StatementTooLong


@dataclass(frozen=True, kw_only=True)
class BelowVersion:
    """A place among an account's entries, newest first."""

    version: PositiveInteger


@dataclass(frozen=True, kw_only=True)
class FromVersion:
    """A place among the entries of a statement, oldest first."""

    version: PositiveInteger


@dataclass(frozen=True, kw_only=True)
class AboveAccount:
    """A place among the accounts; None: before all."""

    account_id: PositiveInteger | None = None


async def list_accounts(request: Request, session: Session) -> Response:
    query = parse_query(request, "owner", "limit", "cursor")
    page = Page.of(request, query)
    start = page.position(AboveAccount())
    owner = _owner(query, actor_of(session))
    found = await read(
        request,
        lambda c: accounts.list_accounts(
            c, owner=owner, above=start.account_id or 0, limit=page.limit + 1
        ),
    )
    shown = found[: page.limit]
    end = AboveAccount(account_id=shown[-1].account_id) if len(found) > page.limit else None
    return json_response(answers.Accounts(accounts=shown, next_cursor=page.next_cursor(end)))


def _owner(query: dict[str, str], actor: Actor) -> str | None:
    """Whose accounts to list; None: all. Raises InvalidField, Problem 403."""
    wanted = parse_client_id("owner", query["owner"]) if "owner" in query else None
    limit = limited_to(actor)
    if limit is not None and wanted not in (None, limit):
        raise Problem(403, "forbidden", "owner: a poster lists only the accounts of its own client")
    return wanted if limit is None else limit


async def get_account(request: Request, session: Session) -> Response:
    account_id = account_id_of(request)
    as_of = moment_in(parse_query(request, "as_of"), "as_of")
    actor = actor_of(session)

    async def find(connection: Connection) -> Account | answers.PastBalance:
        account = await accounts.visible_account(connection, account_id, actor)
        if as_of is None:
            return account
        past = await account_history.balance_as_of(connection, account, as_of)
        return answers.PastBalance(
            account_id=past.account_id,
            currency=past.currency,
            owner=past.owner,
            as_of=rfc3339(past.as_of),
            balance_minor=past.balance_minor,
            version=past.version,
        )

    if as_of is None:
        return json_response(await read(request, find))
    return json_response(await lock_and_read(request, account_id, find))


async def get_entries(request: Request, session: Session) -> Response:
    """Newest first."""
    account_id = account_id_of(request)
    page = Page.of(request, parse_query(request, "limit", "cursor"))
    start = _entries_start(page)
    actor = actor_of(session)

    async def find(connection: Connection) -> list[Entry]:
        account = await accounts.visible_account(connection, account_id, actor)
        return await account_history.newest_entries(
            connection, account, before=start.version, limit=page.limit + 1
        )

    found = await read(request, find)
    shown = found[: page.limit]
    end = BelowVersion(version=shown[-1].version) if len(found) > page.limit else None
    return json_response(
        answers.Entries(
            entries=[answers.Entry.of(each) for each in shown],
            next_cursor=page.next_cursor(end),
        )
    )


def _entries_start(page: Page) -> BelowVersion:
    """Cursors of the version before are bare numbers; the next version need not read them."""
    if page.cursor is not None and page.cursor.isdecimal():
        return BelowVersion(version=parse_digits("cursor", page.cursor, MAX_INTEGER))
    return page.position(BelowVersion(version=MAX_INTEGER))


async def get_statement(request: Request, session: Session) -> Response:
    """Every page has the balances and sums of the whole period."""
    account_id = account_id_of(request)
    query = parse_query(request, "from", "to", "limit", "cursor")
    since, until = moment_in(query, "from"), moment_in(query, "to")
    if since is None or until is None:
        raise InvalidField(
            f"{'from' if since is None else 'to'}: missing; a statement needs from (inclusive) and "
            "to (exclusive)"
        )
    check_order(since, until)
    page = Page.of(request, query)
    start = page.position(FromVersion(version=1))
    actor = actor_of(session)

    async def find(connection: Connection) -> tuple[Account, Period, list[Entry]]:
        account = await accounts.visible_account(connection, account_id, actor)
        period = await account_history.period(connection, account, since=since, until=until)
        entries = await account_history.entries_of(
            connection,
            account,
            first=max(start.version, period.first),
            last=period.last,
            limit=page.limit + 1,
        )
        return account, period, entries

    try:
        account, period, found = await lock_and_read(request, account_id, find)
    except StatementTooLong as error:
        raise Problem(400, "statement_too_long", str(error)) from None
    shown = found[: page.limit]
    end = FromVersion(version=found[-1].version) if len(found) > page.limit else None
    return json_response(
        answers.Statement(
            account_id=account.account_id,
            currency=account.currency,
            from_time=rfc3339(since),
            to_time=rfc3339(until),
            opening_balance_minor=period.opening_balance_minor,
            debits_minor=period.debits_minor,
            credits_minor=period.credits_minor,
            closing_balance_minor=period.closing_balance_minor,
            entries=[answers.Entry.of(each) for each in shown],
            next_cursor=page.next_cursor(end),
        )
    )


ROUTES = [
    Route("/accounts", with_session(list_accounts), methods=["GET"]),
    Route("/accounts/{account_id}", with_session(get_account), methods=["GET"]),
    Route("/accounts/{account_id}/entries", with_session(get_entries), methods=["GET"]),
    Route("/accounts/{account_id}/statement", with_session(get_statement), methods=["GET"]),
]
