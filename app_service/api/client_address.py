"""The network address of a request's client, for limits and log lines."""

from ipaddress import IPv6Address, ip_address, ip_network

from starlette.requests import Request

_IPV6_NETWORK_BITS = 64  # one customer has at least so many addresses (RFC 6177)
UNKNOWN = "unknown"


def address_of(request: Request) -> str:
    """The address that the load balancer saw; without a load balancer, that of the connection.

    Only the load balancer reaches a task. It adds the address to the end of X-Forwarded-For; the
    client can write everything before it:
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
    An IPv6 address stands for its network of 64 bits.
    """
    forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
    peer = request.client.host if request.client is not None else ""
    return _readable(forwarded.rpartition(",")[2].strip()) or _readable(peer) or UNKNOWN


def _readable(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), _IPV6_NETWORK_BITS), strict=False))
