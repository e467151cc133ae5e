"""Metrics: each is documented in its own words, named as Prometheus names, and bounded."""

import re
from pathlib import Path

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from lastword.store.operations import PEERS_SET, Write
from lastword.store.sqlite.durations import BOUNDS_S, Durations
from tests.api.living_node import LivingNode

REFERENCE = (Path(__file__).parents[2] / "docs" / "REFERENCE.md").read_text()
UNITS = ("_seconds", "_bytes", "_info")


async def families(node: LivingNode) -> list[Metric]:
    node.store.execute(Write(PEERS_SET, add=(b"gone.invalid:1",)))
    text = (await node.ask("GET", "/_/metrics")).body.decode()
    return list(text_string_to_metric_families(text))


def shown_name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


async def test_the_reference_has_each_with_its_type_and_its_words_and_no_other(
    node: LivingNode,
) -> None:
    rows = set(re.findall(r"^\| `(lastword_\w+)` \| (\w+) \| (.*) \|$", REFERENCE, re.MULTILINE))
    ours = [at for at in await families(node) if at.name.startswith("lastword_")]
    assert rows == {(shown_name(at), at.type, at.documentation) for at in ours}


async def test_those_of_the_process_are_there_too(node: LivingNode) -> None:
    names = {family.name for family in await families(node)}
    assert {"process_open_fds", "process_max_fds", "process_resident_memory_bytes"} <= names


async def test_each_says_what_it_is_and_what_by(node: LivingNode) -> None:
    for family in await families(node):
        assert len(family.documentation) > 5, family.name
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        if family.name.startswith("lastword_") and not family.name.endswith("_info"):
            assert all(label in family.documentation for label in labels), family.name
        if "second" in family.documentation.split()[0]:
            assert family.name.endswith("_seconds"), family.name
        if "bytes" in family.documentation.split()[0]:
            assert family.name.endswith("_bytes"), family.name


async def test_a_member_that_was_never_heard_has_no_lag_and_does_not_answer(
    node: LivingNode,
) -> None:
    samples = {
        sample.name: sample.value
        for family in await families(node)
        for sample in family.samples
        if sample.labels.get("member") == "gone.invalid:1"
    }
    assert samples == {"lastword_member_answers": 0.0}


async def test_commits_are_counted_by_how_long_they_took(node: LivingNode) -> None:
    await node.ask("PUT", "/s/e")
    (family,) = [at for at in await families(node) if at.name == "lastword_commit_seconds"]
    by_name = {(at.name, at.labels.get("le")): at.value for at in family.samples}
    total = by_name["lastword_commit_seconds_bucket", "+Inf"]
    assert total == by_name["lastword_commit_seconds_count", None] >= 2
    assert by_name["lastword_commit_seconds_sum", None] > 0


@pytest.mark.parametrize(("took_s", "bound"), [(0.0005, "0.0005"), (0.0006, "0.001")])
def test_a_bound_counts_what_took_no_longer(took_s: float, bound: str) -> None:
    durations = Durations()
    durations.note(took_s)
    durations.note(99.0)
    counts = dict(durations.cumulative())
    assert (counts[bound], counts[str(BOUNDS_S[-1])], counts["+Inf"]) == (1, 1, 2)
