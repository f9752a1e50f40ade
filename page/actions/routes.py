"""The question before an action, its start, and the output of what was started."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from operations.approvals import Approval
from page.account import Account
from page.actions.action import CONFIRMATION_FIELD, Action, Confirmation, Order, Subject
from page.actions.approvals import approval_of_branch
from page.actions.guard import TOKEN_FIELD, form_of
from page.actions.registry import ACTIONS
from page.actions.rules import Incomplete, NotAllowed
from page.actions.runner import Busy, Command, Runner

_GONE: Final = (
    "The page does not know this command: it was restarted since, or the command ended long ago. "
    "A command that still ran goes on to its end; the branch or the environment shows what it did."
)
_NOT_STARTED: Final = "not_started"


@dataclass(frozen=True, kw_only=True)
class ActionRoutes:
    account: Account
    runner: Runner
    templates: Jinja2Templates
    token: str

    def routes(self) -> list[Route]:
        return [
            Route("/actions/{name}", self.ask, methods=["GET"]),
            Route("/actions/{name}", self.start, methods=["POST"]),
            Route("/commands", self.list_commands),
            Route("/commands/{id}", self.show),
            Route("/commands/{id}/output", self.output),
            Route("/commands/{id}/stop", self.stop, methods=["POST"]),
        ]

    async def ask(self, request: Request) -> Response:
        """Show what will happen, to what, by which command; starts nothing."""
        return await self._question(request, _action(request), request.query_params)

    async def start(self, request: Request) -> Response:
        action, given = _action(request), form_of(request)
        confirmed = given.pop(CONFIRMATION_FIELD, "")
        try:
            order = action.order(given, on_aws=self.account.settings.is_aws)
            order.check_confirmation(confirmed)
            command = await self.runner.start(order)
        except NotAllowed as error:
            return await self._question(request, action, given, problem=str(error))
        except Busy as busy:
            query = f"?{_NOT_STARTED}={action.name}"
            return RedirectResponse(f"/commands/{busy.command.id}{query}", status_code=303)
        return RedirectResponse(f"/commands/{command.id}", status_code=303)

    async def list_commands(self, request: Request) -> Response:
        return self.templates.TemplateResponse(
            request, "commands.html", {"commands": self.runner.commands()}
        )

    async def show(self, request: Request) -> Response:
        command = self._command(request)
        refused = ACTIONS.get(request.query_params.get(_NOT_STARTED, ""))
        context = {**self._shown(command), "refused": refused}
        return self.templates.TemplateResponse(request, "command.html", context)

    async def output(self, request: Request) -> Response:
        """Answer 204 while nothing has changed since `seen`."""
        shown = self._shown(self._command(request))
        if request.query_params.get("seen") == shown["mark"]:
            return Response(status_code=204)
        return self.templates.TemplateResponse(request, "command_output.html", shown)

    async def stop(self, request: Request) -> Response:
        command = self._command(request)
        command.interrupt()
        return RedirectResponse(f"/commands/{command.id}", status_code=303)

    async def _question(
        self, request: Request, action: Action, given: Mapping[str, str], *, problem: str = ""
    ) -> Response:
        order, approval = None, None
        try:
            order = action.order(given, on_aws=self.account.settings.is_aws)
            if "EXECUTION" in order.values:
                approval = await self._approval(order)
        except Incomplete as error:
            order, problem = None, "" if request.method == "GET" else str(error)
        except NotAllowed as error:
            order, problem = None, str(error)
        context = {
            "action": action,
            "given": given,
            "order": order,
            "approval": approval,
            "running": self.runner.running(order) if order else None,
            "problem": problem,
            "confirmation": Confirmation,
            "confirmation_field": CONFIRMATION_FIELD,
            "token_field": TOKEN_FIELD,
            "token": self.token,
            "back": _back(action, given),
        }
        template = "action_question.html" if _is_htmx(request) else "action.html"
        return self.templates.TemplateResponse(
            request, template, context, status_code=400 if problem else 200
        )

    async def _approval(self, order: Order) -> Approval:
        """Raises NotAllowed if the pipeline does not wait for this run."""
        branch, execution = order.values["BRANCH"], order.values["EXECUTION"]
        found = await run_in_threadpool(approval_of_branch, self.account, branch)
        if found is None or found.execution != execution:
            newer = f"; run {found.execution} waits now" if found else ""
            raise NotAllowed(f"run {execution} of {branch} does not wait for an approval{newer}")
        return found

    def _command(self, request: Request) -> Command:
        command = self.runner.command(request.path_params["id"])
        if command is None:
            raise HTTPException(404, _GONE)
        return command

    def _shown(self, command: Command) -> dict[str, Any]:
        output = command.output
        state = f"{command.exit_code}\n{output}"
        return {
            "command": command,
            "output": output,
            "mark": hashlib.sha256(state.encode()).hexdigest()[:16],
            "back": _back(command.order.action, command.order.values),
            "token_field": TOKEN_FIELD,
            "token": self.token,
        }


def _action(request: Request) -> Action:
    name = request.path_params["name"]
    if name not in ACTIONS:
        raise HTTPException(404, f"There is no button {name!r:.80}.")
    return ACTIONS[name]


def _is_htmx(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


def _back(action: Action, given: Mapping[str, str]) -> str:
    """Return the page of the environment, or the one with all branches."""
    suffix = given.get("SUFFIX", "")
    if action.subject is Subject.ENVIRONMENT and suffix:
        return f"/environments/{suffix}"
    return "/"
