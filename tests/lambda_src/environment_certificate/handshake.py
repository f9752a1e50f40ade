"""A TLS connection between a client and a server in this process."""

import socket
import ssl
import threading
from pathlib import Path


def shake_hands(folder: Path, *, presented: str, trusted: str, name: str) -> str | None:
    """Return the TLS version that the two agree on.

    `presented` is the server's key and chain, `trusted` all that the client trusts; both as PEM.
    """
    chain = folder / "server.pem"
    chain.write_text(presented)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    client = ssl.create_default_context(cadata=trusted)
    client.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(theirs, server_side=True) as stream:
                stream.recv(1)
        except OSError:  # refused by the client, or gone before it was read
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname=name) as stream:
            return stream.version()
    finally:
        ours.close()
        thread.join()
