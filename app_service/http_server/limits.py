"""What one client, or all together, can take of the process."""

from dataclasses import dataclass

from app_service.api.deadlines import REQUEST_SECONDS


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The defaults are those of the deployed service."""

    # Each can hold about 0.3 MiB in the buffers of its TLS and of an unread body, ...
    connections_max: int = 1000
    # ... with this buffer of the kernel, which doubles it: uvloop reads all that is there at once,
    # and TLS keeps buffers of that size for as long as the connection lives.
    receive_buffer_bytes: int = 32 * 1024
    # 32 of the largest batches. Decoded, a body takes up to 20 times its bytes.
    body_bytes_max: int = 32 * 1024 * 1024
    # Request line and header. A load balancer lets through 64 KiB, of which the request line 16:
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
    head_bytes_max: int = 16 * 1024
    url_bytes_max: int = 8 * 1024
    # Requests that a client sends before the one ahead is answered. A load balancer sends none.
    pipelined_max: int = 8
    # From the first byte of a request to its last. The rest of the request's time is for the work.
    receive_seconds: float = REQUEST_SECONDS - 2
    # Until a client that stopped reading takes the rest of an answer.
    send_seconds: float = 20
    # Above the load balancer's idle timeout, so that it never reuses a closed connection.
    keep_alive_seconds: int = 75
    tls_handshake_seconds: float = 5
    # From the last byte of the last answer. A client that does not answer the TLS close is cut off.
    tls_close_seconds: float = 1
    # For the running requests, when the service stops. Below the 30 after which ECS kills.
    shutdown_seconds: int = 20
