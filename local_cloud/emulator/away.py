"""Services that a drill has switched off: every request to them is refused, as in an outage.

The service of a request is in the scope of its signature (SigV4), which every SDK sends.
"""

import json
import re
from dataclasses import dataclass

from local_cloud.emulator.edge import App, Receive, Scope, Send
from local_cloud.outages import Outages

_SCOPE = re.compile(rb"Credential=[^/]*/\d{8}/[^/]+/([^/]+)/aws4_request")
_AMZ_JSON = b"application/x-amz-json-1.0"
_XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>ServiceUnavailable</Code><Message>the service is away: a drill has switched it off\
</Message></Error>"""
_JSON = json.dumps(
    {"__type": "ServiceUnavailable", "message": "the service is away: a drill has switched it off"}
).encode()


@dataclass(frozen=True, kw_only=True)
class AwayServices:
    """An ASGI application in front of `inner`, which answers AWS's APIs."""

    inner: App
    outages: Outages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service = service_of(scope) if scope["type"] == "http" else None
        if service is None or service not in self.outages.away():
            await self.inner(scope, receive, send)
            return
        while (await receive()).get("more_body"):
            pass  # a client that still sends would see a broken connection
        kind, body = (b"application/xml", _XML) if service == "s3" else (_AMZ_JSON, _JSON)
        headers = [(b"content-type", kind), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def service_of(scope: Scope) -> str | None:
    """The service for which the request is signed, such as `sqs`; None if it is not signed."""
    for name, value in scope["headers"]:
        if name.lower() == b"authorization" and (found := _SCOPE.search(value)):
            return str(found[1].decode("ascii"))
    return None
