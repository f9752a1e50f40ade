"""Refuses to create objects that the policy of their bucket denies, as S3 does.

So a record of the audit trail cannot be overwritten here either. All local requests have the same
credentials: denials for one role, such as those of deletions, have no effect.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from local_cloud.emulator.edge import App, Receive, Scope, Send
from local_cloud.emulator.ministack_adapter.bucket_policies import denies_creation

_REFUSED = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>AccessDenied</Code><Message>The policy of the bucket denies this request \
with an explicit deny in a resource-based policy</Message></Error>"""
# Requests to `/<bucket>/<key>` with one of these do not create an object.
_PARTS = {"acl", "tagging", "retention", "legal-hold", "partNumber", "torrent", "renameObject"}


@dataclass(frozen=True, kw_only=True)
class ObjectCreation:
    """An ASGI application in front of `inner`, which answers S3."""

    inner: App

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_denied(scope):
            while (await receive()).get("more_body"):
                pass  # a client that still sends would see a broken connection
            headers = [(b"content-type", b"application/xml"), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": _REFUSED})
            return
        await self.inner(scope, receive, send)


def _is_denied(scope: Scope) -> bool:
    query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
    creates = (
        not _PARTS & query.keys()
        if scope["method"] == "PUT"
        else scope["method"] == "POST" and "uploadId" in query
    )
    # ASGI has decoded the path.
    bucket, _, key = scope["path"].lstrip("/").partition("/")
    if not (creates and bucket and key):
        return False
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return denies_creation(bucket, key, if_none_match=headers.get(b"if-none-match"))
