"""What the HTTP server takes from a client, in bytes, seconds and numbers."""

from dataclasses import dataclass

from lastword.api.listening import HANDSHAKE_S
from lastword.limits import BODY_BYTES_MAX, HEADERS_BYTES_MAX, TARGET_BYTES_MAX


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Every limit of one server, each with the reason for its default.

    Times are looked at once per `sweep_s`, so each may run over by up to two of these.
    """

    body_bytes_max: int = BODY_BYTES_MAX
    """A body is held whole before the handler sees it: memory is connections times this."""

    target_bytes_max: int = TARGET_BYTES_MAX
    """The raw target of the first line."""

    headers_bytes_max: int = HEADERS_BYTES_MAX
    """First line, headers and trailers together; also what may arrive in one piece of framing
    (a header, a chunk's extensions) before that piece is complete."""

    handshake_s: float = HANDSHAKE_S
    """For a TLS handshake, before anything else of a connection counts."""

    header_s: float = 10.0
    """From the first byte of a request, or the beginning of a connection, to the end of its
    headers, which fit a few packets. More lets slow clients hold connections, less fails on links
    that lose packets."""

    read_s: float = 20.0
    """For each further `read_bytes_min` of a body to arrive, or its end: several retransmissions
    on a bad link, and with two `sweep_s` well below the 30 s in which slow clients are let go."""

    read_bytes_min: int = 16 << 10
    """With `read_s` the slowest client that is heard: about 800 bytes a second. One that sends a
    byte now and then would otherwise hold a connection for `body_s`."""

    body_s: float = 600.0
    """For a whole body: the largest one at about 110 kB/s."""

    idle_s: float = 75.0
    """For a connection between two requests, as in nginx. More saves clients reconnecting, less
    saves connections."""

    write_s: float = 20.0
    """For a client to take `write_bytes_min` of what waits for it; then it is cut off."""

    write_bytes_min: int = 16 << 10
    """With `write_s` the slowest client that is served: about 800 bytes a second. Kernels take
    data in steps of a few KiB, so a much smaller figure would not tell slow from dead."""

    linger_s: float = 2.0
    """After an answer that refuses a request, what the client still sends is read and dropped for
    so long: closing at once would reset the connection, and the reset can overtake the answer."""

    linger_bytes_max: int = 16 << 20
    """And for so many bytes, which a local client sends in well under `linger_s`."""

    connections_max: int = 10_000
    """Above any cluster's and most clients' need, and below what 1 GiB holds at 64 KiB each; the
    process's limit of open files must allow it."""

    address_connections_max: int = 5_000
    """Of these, those of one address (of IPv6, one network of 64 bits): so one alone cannot keep
    all others out. Half leaves a proxy, or a network behind one address, as much as others."""

    held_bytes_max: int = 1 << 30
    """Of requests, bodies above all, that all connections hold together. Without it a few dozen
    clients with large bodies fill a machine's memory. More takes more large bodies at once."""

    pipeline_max: int = 64
    """Requests of one connection that are with the handler at once. A deeper pipeline waits in
    the kernel's buffers; 64 keep a writer's group commit busy."""

    sweep_s: float = 1.0
    """One timer per server looks at all connections this often, so that a request costs none."""
