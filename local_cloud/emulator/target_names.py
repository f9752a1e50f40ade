"""A name server that answers Caddy with the targets of each target group.

Caddy closes every idle connection of clients when it loads a configuration, and a request that is
on its way is lost. A load balancer on AWS does not. So targets are not in Caddy's configuration: it
looks their addresses up (`dynamic_upstreams`), and a change of targets changes only the answer.
"""

import logging
import socket
import struct
import threading
from collections.abc import Mapping, Sequence

logger = logging.getLogger(__name__)

_HEADER = struct.Struct("!6H")
_ANSWERS = 0x8400  # this is a response, with authority
_NO_SUCH_NAME = 3
_POINTER_TO_QUESTION = 0xC000 | _HEADER.size
_TYPE_A, _CLASS_IN = 1, 1
_ADDRESS_RECORD = struct.Struct("!3HIH4s")


class TargetNames:
    """Answers A queries (RFC 1035) over UDP until `stop`. Answers must not be cached."""

    def __init__(self) -> None:
        self._addresses: Mapping[str, Sequence[str]] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="target-names", daemon=True)
        self._thread.start()

    @property
    def server(self) -> str:
        """The address of this name server."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def publish(self, addresses: Mapping[str, Sequence[str]]) -> None:
        """From now on answer with these IPv4 addresses, by lower-case name."""
        self._addresses = addresses

    def stop(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, sender = self._socket.recvfrom(512)
            if not query:
                return
            try:
                answer = self._answer(query)
            except (IndexError, UnicodeDecodeError, struct.error):
                logger.warning("target names: %d bytes that are not a query", len(query))
                continue
            self._socket.sendto(answer, sender)

    def _answer(self, query: bytes) -> bytes:
        number, *_ = _HEADER.unpack_from(query)
        name, end = _name(query)
        kind, _ = struct.unpack_from("!2H", query, end)
        question = query[_HEADER.size : end + 4]
        known = self._addresses.get(name)
        records = known if known and kind == _TYPE_A else ()
        flags = _ANSWERS | (0 if known is not None else _NO_SUCH_NAME)
        return b"".join(
            [
                _HEADER.pack(number, flags, 1, len(records), 0, 0),
                question,
                *(
                    _ADDRESS_RECORD.pack(
                        _POINTER_TO_QUESTION, _TYPE_A, _CLASS_IN, 0, 4, socket.inet_aton(address)
                    )
                    for address in records
                ),
            ]
        )


def _name(query: bytes) -> tuple[str, int]:
    """The name of the question, and where it ends."""
    labels, at = [], _HEADER.size
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("ascii"))
        at += 1 + length
    return ".".join(labels).lower(), at + 1
