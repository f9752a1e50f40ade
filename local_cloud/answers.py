"""Yes-or-no questions: a person answers at the terminal, a script with ANSWER=yes or ANSWER=no."""

import sys
from collections.abc import Callable

from local_cloud.server import CloudError

_ANSWERS = {"yes": True, "y": True, "no": False, "n": False}

Ask = Callable[[str], str]


def ask_on_terminal(question: str) -> str:
    """Ask at the terminal. Raises CloudError when there is none."""
    if not sys.stdin.isatty():
        raise CloudError("there is no terminal to ask on: add ANSWER=yes or ANSWER=no")
    try:
        return input(question)
    except EOFError:
        return ""


def is_agreed(*, answer: str, question: str, ask: Ask) -> bool:
    """True for yes, from `answer` or else from `ask`. Raises CloudError for any other word."""
    text = answer or ask(question)
    agreed = _ANSWERS.get(text.strip().lower())
    if agreed is None:
        raise CloudError(f"ANSWER is {text!r}: it must be yes or no; nothing was changed")
    return agreed
