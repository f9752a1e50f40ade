"""The user of the local cloud."""

import getpass
import os


def user_name() -> str:
    """The login name; the user id if there is no name, as in `docker run --user`."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # KeyError: before Python 3.13
        return str(os.getuid())
