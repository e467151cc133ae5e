"""A local set that follows one on the nodes, event by event."""

from collections.abc import MutableSet
from typing import Final, TypeVar

from lastword.client.watching import Event

E = TypeVar("E", bound=str | bytes)

NEWLY_READ: Final = frozenset({"open", "reset"})
"""After these the set is read whole: what is told from there on is done to that."""


def apply(event: Event[E], local: MutableSet[E]) -> None:
    """Do to `local` what an event tells of an element."""
    if event.element is None:
        return
    if event.kind == "add":
        local.add(event.element)
    elif event.kind == "remove":
        local.discard(event.element)


def put_in_place(local: MutableSet[E], members: set[E]) -> None:
    """Let `local` have `members` and nothing else."""
    for gone in [element for element in local if element not in members]:
        local.discard(gone)
    for element in members:
        local.add(element)
