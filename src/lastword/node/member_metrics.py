"""Metrics by member: no more of each than members are listed, which PEERS_MAX bounds."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric

from lastword.replication.status import MemberLag


class _Gauge(NamedTuple):
    """A gauge by member; of None there is no sample."""

    name: str
    text: str
    value: Callable[[MemberLag], float | None]


def _seconds(us: int | None) -> float | None:
    return None if us is None else us / 1e6


_GAUGES: Final = (
    _Gauge("answers", "1 while the member, by member, answers, else 0", lambda at: at.answers),
    _Gauge(
        "heard_seconds",
        "seconds since the member, by member, last told how its log is",
        lambda at: _seconds(at.heard_us),
    ),
    _Gauge(
        "lag_seconds",
        "seconds since this node last had all that the member, by member, had; 0 where it has",
        lambda at: _seconds(at.lag_us),
    ),
    _Gauge(
        "lag_entries",
        "numbers of the log of the member, by member, that this node has not read, at most",
        lambda at: at.lacks,
    ),
    _Gauge(
        "their_lag_seconds",
        "seconds since the member, by member, last had all that this node had; 0 where it has",
        lambda at: _seconds(at.their_lag_us),
    ),
    _Gauge(
        "their_lag_entries",
        "writes that the member, by member, is not known to have, at most",
        lambda at: at.they_lack,
    ),
    _Gauge(
        "digest_equal",
        "1 where the last comparison with the member, by member, that could tell found both "
        "equal, 0 where not",
        lambda at: at.equal,
    ),
    _Gauge(
        "compared_seconds",
        "seconds since that comparison with the member, by member",
        lambda at: _seconds(at.compared_us),
    ),
)


def by_member(lags: Sequence[MemberLag]) -> Iterator[Metric]:
    """Yield how far every member and this node are behind each other, as far as it is known."""
    for gauge in _GAUGES:
        family = GaugeMetricFamily(f"lastword_member_{gauge.name}", gauge.text, labels=["member"])
        for lag in lags:
            value = gauge.value(lag)
            if value is not None:
                family.add_metric([lag.address], value)
        yield family
