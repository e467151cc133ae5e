"""What the RESP server takes from a client, in bytes, seconds and numbers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RespLimits:
    """Every limit of one server, each with the reason for its default.

    Times are looked at once per `sweep_s`, so each may run over by up to two of these.
    """

    clients_max: int = 10_000
    """As in Redis; the process's limit of open files must allow it."""

    address_clients_max: int = 5_000
    """Of these, those of one address (of IPv6, one network of 64 bits): so one alone cannot keep
    all others out."""

    held_bytes_max: int = 1 << 30
    """Of commands that have arrived in part or wait, and of replies that are not taken, of all
    clients together. Without it a few clients with the longest commands or replies fill a
    machine's memory."""

    keepalive_s: float = 300.0
    """After so long without a packet the kernel asks whether the client is still there, and a
    connection of one that vanished ends, though `idle_s` is 0; as in Redis."""

    idle_s: float = 0.0
    """After so long without a command a connection is closed; 0 is never, as in Redis: pools keep
    connections for hours."""

    bulk_bytes_max: int = 16 << 20
    """One argument. A member has at most 64 KiB: what is longer gets an error that says so, and
    only what is far longer ends the connection, since it would have to be held whole."""

    arguments_max: int = 1 << 20
    """Arguments of one command, as in Redis. A command that writes is held to fewer by what one
    transaction may hold (`operations.ROWS_ATOMIC_MAX`), with an error that leaves the
    connection as it is."""

    query_buffer_bytes_max: int = 64 << 20
    """A command is held whole before it begins: memory is connections times this. 64 MiB are a
    million short members. Commands that wait for EXEC have no more together."""

    output_buffer_bytes_max: int = 256 << 20
    """One reply is gathered whole before it is written, in the bytes that it is sent in: about ten
    million short members. A longer one is an error that says so."""

    queued_commands_max: int = 10_000
    """Commands between MULTI and EXEC: they run in one transaction."""

    watched_names_max: int = 10_000
    """Names that one client watches: EXEC looks at each."""

    command_s: float = 20.0
    """For each further `command_bytes_min` of a command to arrive, or its end; also for a client
    to send its first one, which it connects for. With two `sweep_s` it is well below 30 s."""

    command_bytes_min: int = 16 << 10
    """With `command_s` the slowest client that is heard: about 800 bytes a second."""

    write_s: float = 20.0
    """For a client to take `write_bytes_min` of what waits for it; then it is cut off. What waits
    is bounded by `output_buffer_bytes_max`, and is not held for a client that has died."""

    write_bytes_min: int = 16 << 10
    """With `write_s` the slowest client that is served. Kernels take data in steps of a few KiB,
    so a much smaller figure would not tell slow from dead."""

    sweep_s: float = 1.0
    """One timer per server looks at all connections this often."""
