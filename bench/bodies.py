"""Requests that write many elements each, made before the clock starts.

Elements are 20 digits: a prefix of 8 and a rising number, so that all of a run are new.
"""

import json
from collections.abc import Callable, Iterator, Sequence

from lastword.wall import wall_us

Batch = Sequence[str]
"""The elements of one request."""

Form = Callable[[str, Batch], bytes]
"""Makes the request that adds a batch to a set."""


def batches(prefix: str, numbers: range, each: int) -> Iterator[Batch]:
    """Yield the elements of a prefix and these numbers, `each` of them at a time."""
    for start in range(0, len(numbers), each):
        yield [f"{prefix}{number:012}" for number in numbers[start : start + each]]


def patch(set_name: str, batch: Batch) -> bytes:
    """Add a batch by PATCH."""
    return _http("PATCH", f"/{set_name}", "application/json", json.dumps({"add": batch}))


def merge(set_name: str, batch: Batch) -> bytes:
    """Add a batch by merging a state, all of one time."""
    state = {"lwwAdded": dict.fromkeys(batch, wall_us()), "lwwRemoved": {}}
    return _http("POST", f"/{set_name}", "application/json", json.dumps(state))


def ndjson(set_name: str, batch: Batch) -> bytes:
    """Add a batch by lines of JSON, one for each element."""
    lines = [json.dumps({"set": set_name, "add": [element]}) for element in batch]
    return _http("POST", "/_/bulk", "application/x-ndjson", "\n".join(lines) + "\n")


def sadd(set_name: str, batch: Batch) -> bytes:
    """Add a batch by one SADD."""
    return command("SADD", set_name, *batch)


def command(*words: str) -> bytes:
    """Return a command of RESP."""
    parts = [f"*{len(words)}\r\n"]
    parts += [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    return "".join(parts).encode()


def get(path: str) -> bytes:
    """Return a GET over HTTP."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def _http(method: str, path: str, content_type: str, body: str) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {content_type}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
