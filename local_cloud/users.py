"""Who uses the local cloud."""

import getpass
import os


def user_name() -> str:
    """The login name of the user; the user id where none is known, as for a container's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # KeyError: before Python 3.13
        return str(os.getuid())
