"""What a node says of itself: one is started for it, and stopped."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tools.processes import NodeProcess

PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Said:
    """The OpenAPI document, and the metrics in Prometheus' text format."""

    document: dict[str, Any]
    metrics: str


def ask_a_node() -> Said:
    """Start a node on an empty file, ask it, and stop it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        NodeProcess(Path(folder) / "site.db", "--redis-port", "0") as node,
    ):
        document = _read(f"http://{node.address}/_/openapi.json")
        return Said(json.loads(document), _read(f"http://{node.address}/_/metrics"))


def _read(url: str) -> str:
    with urlopen(url, timeout=PATIENCE_S) as answer:
        text: str = answer.read().decode()
        return text
