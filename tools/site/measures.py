"""The page of all metrics, from what a node says of itself."""

from typing import Final

from prometheus_client.parser import text_string_to_metric_families

INTRODUCTION: Final = """\
# Metrics

What `GET /_/metrics` of a node says of each. Counters count since the start of the process.
[REFERENCE.md](../REFERENCE.md#metrics) has the labels.

| name | type | |
| --- | --- | --- |
"""


def metrics_page(text: str) -> str:
    """Return the table of a node's metrics, given in the text format of Prometheus."""
    rows = (f"| `{name}` | {kind} | {said} |" for name, kind, said in metrics_of(text))
    return INTRODUCTION + "\n".join(rows) + "\n"


def metrics_of(text: str) -> list[tuple[str, str, str]]:
    """Return name, type and meaning of all metrics of our own."""
    return [
        (
            family.name + ("_total" if family.type == "counter" else ""),
            family.type,
            family.documentation,
        )
        for family in text_string_to_metric_families(text)
        if family.name.startswith("lastword_")
    ]
