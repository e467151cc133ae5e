"""What CONFIG GET tells: the parameters of Redis that mean something here, as they are here."""

from lastword.api.resp.service import Service
from lastword.limits import ELEMENT_BYTES_MAX


def parameters(service: Service) -> dict[str, str]:
    """Return the parameters by name.

    Of persistence: every acknowledged write is in SQLite's log and synced, which is what
    `appendonly yes` with `appendfsync always` means; there are no snapshots.
    """
    limits = service.limits
    output = limits.output_buffer_bytes_max
    return {
        "save": "",
        "appendonly": "yes",
        "appendfsync": "always",
        "dbfilename": service.facts.database,
        "databases": "1",
        "maxclients": str(limits.clients_max),
        "maxmemory": "0",
        "maxmemory-policy": "noeviction",
        "timeout": f"{limits.idle_s:g}",
        "port": str(service.port),
        "proto-max-bulk-len": str(limits.bulk_bytes_max),
        "client-query-buffer-limit": str(limits.query_buffer_bytes_max),
        "client-output-buffer-limit": f"normal {output} 0 0 slave 0 0 0 pubsub 0 0 0",
        "requirepass": "",
        "cluster-enabled": "no",
        "lastword-member-bytes-max": str(ELEMENT_BYTES_MAX),
        "lastword-arguments-max": str(limits.arguments_max),
        "lastword-allow-flush": "yes" if service.facts.allow_flush else "no",
    }
