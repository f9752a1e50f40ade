"""`make page`: a page of branches, runs, environments and plots, on loopback.

`AWS=yes`: of the account whose credentials the SDK's usual variables give. Without it,
`python -m local_cloud page` starts this program for the local cloud.
"""

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvicorn

from operations.account import open_session
from page.application import application
from page.settings import PageSettings

_CHECKOUT: Final = Path(__file__).resolve().parent.parent
_HOST: Final = "127.0.0.1"
PREFERRED_PORT: Final = 4580


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make page", description=__doc__)
    parser.add_argument("--local-state", type=Path, help="of a local cloud: its state folder")
    parser.add_argument("--listener", type=int, help="descriptor of a socket that listens")
    parser.add_argument("--port", type=int, default=PREFERRED_PORT)
    chosen = parser.parse_args(arguments)
    settings = PageSettings(
        checkout=_CHECKOUT,
        is_aws=chosen.local_state is None,
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL"),
        region=open_session().region_name,
        state=chosen.local_state,
    )
    with _listener(chosen) as listener:
        address = f"http://{_HOST}:{listener.getsockname()[1]}/"
        print(f"page: {address} ({settings.place}; Ctrl-C ends it)", flush=True)
        server = uvicorn.Server(
            uvicorn.Config(application(settings=settings), log_level="warning", access_log=False)
        )
        server.run(sockets=[listener])
    return 0


def _listener(chosen: argparse.Namespace) -> socket.socket:
    """The given socket, or a new one at the wanted port, or at any free one."""
    if chosen.listener is not None:
        return socket.socket(fileno=chosen.listener)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, chosen.port))
        listener.listen()
    except OSError:  # the port is taken
        listener.close()
        return socket.create_server((_HOST, 0))
    return listener


if __name__ == "__main__":
    sys.exit(main())
