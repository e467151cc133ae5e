"""DEL and FLUSHALL of more than one transaction may hold: in slices, each of them durable.

Whoever reads meanwhile sees a part. What is added behind the slice that is at work stays, as if it
had been added after.
"""

from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any

from lastword.api.resp.operations import Delete, DeleteSlice
from lastword.api.resp.replies import Status
from lastword.api.resp.service import Service
from lastword.api.resp.view import StoreView
from lastword.errors import CommandTooLarge
from lastword.store.transaction import Operation

Work = Callable[[], Coroutine[Any, Any, Any]]

SMALL_ROWS = 1_000
"""Up to so many rows are deleted by one transaction in any case, whatever bytes they have."""


def delete(service: Service, operation: Operation[Any]) -> Work | None:
    """Take over a Delete of many rows."""
    assert isinstance(operation, Delete)  # noqa: S101 - our own fault
    names = operation.names
    return partial(_delete, service, operation, names) if _is_large(service, names) else None


def flush_all(service: Service, operation: Operation[Any]) -> Work | None:
    """Take over a Flush of many rows."""
    names = StoreView(service.node.store).names()
    return partial(_flush, service, operation, names) if _is_large(service, names) else None


async def _delete(service: Service, operation: Operation[int], names: Iterable[bytes]) -> int:
    try:
        return await service.submit(operation)
    except CommandTooLarge:
        return await _delete_in_slices(service, names)


async def _flush(service: Service, operation: Operation[Any], names: Iterable[bytes]) -> Status:
    await _delete(service, operation, names)
    return Status("OK")


async def _delete_in_slices(service: Service, names: Iterable[bytes]) -> int:
    view, found = StoreView(service.node.store), 0
    for name in dict.fromkeys(names):
        if view.totals(name).present:
            found += 1
            low: bytes | None = b""
            while low is not None:
                low = await service.submit(DeleteSlice(name, low))
    return found


def _is_large(service: Service, names: Iterable[bytes]) -> bool:
    totals = StoreView(service.node.store).totals
    return sum(totals(name).entries for name in names) > SMALL_ROWS
