"""What the doctor finds: all that can be wrong, how bad it is, and what to do about it."""

from collections.abc import Callable

import msgspec
import pytest

from lastword.cli.examination import Examination, Future, Told
from lastword.cli.findings import Finding, findings
from lastword.client.answers import Damaged, Member, Ready, Tombstones
from lastword.client.clock import ClockReport, MemberSkew
from lastword.client.condition import Condition, Disk, Settings, Used
from lastword.client.health import Converged, Reason

NOW_US = 1_750_000_000_000_000
DAY_S = 86_400
DAY_US = DAY_S * 1_000_000
MIB = 1 << 20


def settings() -> Settings:
    return Settings(
        grace_seconds=7 * DAY_S,
        lapse_seconds=30 * DAY_S,
        collect_seconds=3_600,
        replication_seconds=0.2,
        full_replication_seconds=60,
        digest_key="k",
        loopback_only=True,
        secret=False,
        tokens=False,
        tls=False,
    )


def condition() -> Condition:
    disk = Disk("a.db", 100 * MIB, MIB, 1_000 * MIB, 10, 0.001)
    return Condition("1", 3, settings(), disk, [Used("open files", 10, 1_000)])


def member() -> Member:
    return Member("b:1", answers=True, silent=0, standing="clear", blocks_since=None)


def healthy() -> Examination:
    """Return the examination of a node of two that has nothing."""
    return Examination(
        address="a:1",
        version="1",
        ready=Ready(run="aa", address="a:1", members=["a:1", "b:1"]),
        clock=ClockReport(NOW_US, 60_000_000, 0, 2, refuses_writes=False, peers=[]),
        future=Future(),
        tombstones=Tombstones(3, 0, 0, 0, may_collect=True, copying=None, members=[member()]),
        converged=Converged(converged=True, reasons=[], max_lag_seconds=10, members=[]),
        condition=condition(),
        members=[Told("b:1", "1", "bb", condition())],
    )


def test_a_healthy_node_has_one_line_for_each_area_and_all_are_ok() -> None:
    found = findings(healthy())
    assert [(finding.area, finding.level) for finding in found] == [
        (area, "ok")
        for area in (
            "clock",
            "disk",
            "members",
            "replication",
            "tombstones",
            "limits",
            "settings",
        )
    ]


Harm = Callable[[Examination], Examination]


def replaced(**changes: object) -> Harm:
    return lambda found: _replace(found, **changes)


def _replace(found: Examination, **changes: object) -> Examination:
    fields = {name: getattr(found, name) for name in Examination.__dataclass_fields__}
    return Examination(**(fields | changes))


def of_disk(**changes: object) -> Harm:
    def harm(found: Examination) -> Examination:
        disk = msgspec.structs.replace(condition().disk, **changes)
        return _replace(found, condition=msgspec.structs.replace(condition(), disk=disk))

    return harm


def of_settings(**changes: object) -> Harm:
    def harm(found: Examination) -> Examination:
        ours = msgspec.structs.replace(settings(), **changes)
        return _replace(found, condition=msgspec.structs.replace(condition(), settings=ours))

    return harm


def of_member(**changes: object) -> Harm:
    def harm(found: Examination) -> Examination:
        members = [msgspec.structs.replace(member(), **changes)]
        tombstones = msgspec.structs.replace(found.tombstones, members=members)
        return _replace(found, tombstones=tombstones)

    return harm


def of_ready(**changes: object) -> Harm:
    return lambda found: _replace(found, ready=msgspec.structs.replace(found.ready, **changes))


def of_clock(**changes: object) -> Harm:
    return lambda found: _replace(found, clock=msgspec.structs.replace(found.clock, **changes))


def of_reason(code: str) -> Harm:
    reasons = [Reason(code, f"b:1 {code}", "b:1")]
    return replaced(
        converged=Converged(converged=False, reasons=reasons, max_lag_seconds=10, members=[])
    )


HARMS: list[tuple[Harm, str, str, str]] = [
    (of_clock(refuses_writes=True), "clock", "wrong", "NTP"),
    (of_clock(peers=[MemberSkew("b:1", 90_000_000, 1, 1)]), "clock", "wrong", "NTP"),
    (replaced(future=Future([], 2, 10)), "clock", "wrong", "--remove"),
    (of_ready(reasons=[Reason("disk_failed", "full")]), "disk", "wrong", "disk"),
    (of_ready(damage=Damaged(2, ["s"])), "disk", "wrong", "RELIABILITY"),
    (of_ready(damage=Damaged(log_frames_unread=1)), "disk", "wrong", "RELIABILITY"),
    (of_disk(free_bytes=MIB), "disk", "wrong", "room"),
    (of_disk(free_bytes=80 * MIB), "disk", "look", "room"),
    (of_disk(log_bytes=300 * MIB), "disk", "look", "reader"),
    (of_disk(commit_mean_seconds=0.1), "disk", "look", "latency"),
    (of_disk(commit_mean_seconds=1.0), "disk", "wrong", "latency"),
    (of_member(answers=False, silent=5_000_000), "members", "look", "lapse"),
    (of_member(answers=False, silent=DAY_US), "members", "wrong", "lapse"),
    (replaced(members=[Told("b:1", "1", "aa", None)]), "members", "look", "DELETE"),
    (replaced(members=[Told("b:1", "2", "bb", None)]), "members", "look", "newest"),
    (of_reason("lag"), "replication", "look", "network"),
    (of_reason("their_lag"), "replication", "look", "network"),
    (of_reason("unknown"), "replication", "look", "wait"),
    (of_reason("differs"), "replication", "wrong", "verify"),
    (of_reason("apart"), "replication", "wrong", "rejoin"),
    (replaced(converged=None), "replication", "look", "date"),
    (of_member(blocks_since=NOW_US - DAY_US), "tombstones", "look", "lapse"),
    (of_member(blocks_since=NOW_US - 8 * DAY_US), "tombstones", "wrong", "lapse"),
    (replaced(condition=None), "limits", "look", "token"),
    (of_settings(loopback_only=False, tls=True), "settings", "wrong", "--cluster-secret-file"),
    (
        of_settings(loopback_only=False, secret=True, tokens=True),
        "settings",
        "look",
        "--tls-cert",
    ),
    (of_settings(grace_seconds=60), "settings", "look", "--grace"),
    (of_settings(digest_key="other"), "settings", "wrong", "new file"),
    (of_settings(lapse_seconds=40 * DAY_S), "settings", "look", "same"),
]


@pytest.mark.parametrize(("harm", "area", "level", "remedy"), HARMS)
def test_what_is_wrong_is_found_in_its_area_with_what_to_do(
    harm: Harm, area: str, level: str, remedy: str
) -> None:
    bad = [finding for finding in findings(harm(healthy())) if finding.level != "ok"]
    assert {finding.area for finding in bad} <= {area, "settings"}
    of_area = [finding for finding in bad if finding.area == area]
    assert level in {finding.level for finding in of_area}
    assert any(remedy in finding.do for finding in of_area), of_area


@pytest.mark.parametrize(("used", "level"), [(700, "ok"), (900, "look"), (1_000, "wrong")])
def test_a_limit_is_near_from_four_fifths_on(used: int, level: str) -> None:
    limits = [Used("open files", used, 1_000)]
    whole = msgspec.structs.replace(condition(), limits=limits)
    (found,) = [at for at in findings(_replace(healthy(), condition=whole)) if at.area == "limits"]
    assert found.level == level


def test_a_silent_member_is_told_of_once() -> None:
    harmed = of_reason("silent")(of_member(answers=False)(healthy()))
    bad: list[Finding] = [at for at in findings(harmed) if at.level != "ok"]
    assert [finding.area for finding in bad] == ["members"]
