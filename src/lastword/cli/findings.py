"""What an examination comes to: for each thing how bad it is, and what to do about it."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, Literal

import msgspec

from lastword.cli.examination import Examination
from lastword.cli.periods import shown
from lastword.client.condition import Disk, Settings
from lastword.client.text import printable

Level = Literal["ok", "look", "wrong"]

SILENT_WRONG_S: Final = 600
"""A restart takes seconds, the mending of a machine minutes; after ten somebody has to look."""

BLOCKED_WRONG_S: Final = 7 * 86_400
"""A week: so long tombstones are held anyway."""

FREE_BYTES_MIN: Final = 64 << 20
"""With less room a disk is full within a moment: twice a log's usual length."""

LOG_BYTES_MANY: Final = 256 << 20
"""A log is copied back from 32 MiB on; one this long has something in its way."""

COMMIT_SLOW_S, COMMIT_BAD_S = 0.05, 0.5
"""A sync of a disk that turns takes ten milliseconds."""

GRACE_SHORT_S: Final = 86_400
"""A day: who is away over a night begins afresh with less."""

NEAR: Final = 0.8
"""Of a limit, from which on it is said to be near."""


class Finding(msgspec.Struct):
    """One thing that was looked at: how bad it is, what it is, and what to do, if anything."""

    level: Level
    area: str
    what: str
    do: str = ""


def findings(found: Examination) -> list[Finding]:
    """Return what was found, area by area; one that is well has one line that says so."""
    listed = list[Finding]()
    for area, look in _AREAS.items():
        of_area = [Finding(level, area, what, do) for level, what, do in look(found)]
        bad = [finding for finding in of_area if finding.level != "ok"]
        listed += bad or of_area[:1]
    return listed


Said = tuple[Level, str, str]


def _clock(found: Examination) -> Iterator[Said]:
    clock = found.clock
    apart_us = max((abs(peer.skew_us) for peer in clock.peers), default=0)
    if clock.refuses_writes:
        yield "wrong", "its clock is off, and writes are refused", "set its clock right (NTP)"
    elif apart_us > clock.max_skew_us:
        yield (
            "wrong",
            f"clocks are {apart_us / 1e6:.1f} s apart",
            "set the wrong one right (NTP); the table of clocks shows them",
        )
    if found.future.count:
        yield (
            "wrong",
            f"{found.future.count:,} elements have times that are too far ahead",
            f"lastword doctor {found.address} --remove SET ELEMENT, or --add, settles one",
        )
    yield "ok", "clocks agree, and no element is from the future", ""


def _disk(found: Examination) -> Iterator[Said]:
    for reason in found.ready.reasons:
        if reason.code in {"disk_failed", "corrupt_store", "file_unusable", "store"}:
            yield "wrong", printable(reason.message), "mend the disk, then start the node again"
    damage = found.ready.damage
    if damage.pages or damage.sets or damage.log_frames_unread:
        sets = ", ".join(map(printable, damage.sets[:5])) or "none known"
        yield (
            "wrong",
            f"{damage.pages} pages of its file are damaged (sets: {sets})",
            "look at the disk; docs/RELIABILITY.md says what the node does about it",
        )
    if found.condition is not None:
        yield from _room(found.condition.disk)


def _room(disk: Disk) -> Iterator[Said]:
    free, taken = _mib(disk.free_bytes), _mib(disk.file_bytes + disk.log_bytes)
    if disk.free_bytes < FREE_BYTES_MIN:
        yield "wrong", f"{free} are free on its disk", "make room, before writes are refused"
    elif disk.free_bytes < disk.file_bytes + disk.log_bytes:
        yield (
            "look",
            f"{free} are free, and the file takes {taken}: no room for a copy or a backup",
            "make room as large as the file",
        )
    if disk.log_bytes > LOG_BYTES_MANY:
        yield (
            "look",
            f"the write-ahead log takes {_mib(disk.log_bytes)}",
            "look for a reader that lasts, such as a backup; a restart copies it back",
        )
    mean_s = disk.commit_mean_seconds or 0.0
    if mean_s > COMMIT_SLOW_S:
        level: Level = "wrong" if mean_s > COMMIT_BAD_S else "look"
        yield level, f"a commit takes {mean_s:.3f} s on the average", "look at the disk's latency"
    yield "ok", f"the file takes {taken}, {free} are free; a commit takes {mean_s:.4f} s", ""


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.0f} MiB"


def _members(found: Examination) -> Iterator[Said]:
    for member in found.tombstones.members:
        address, silent_s = printable(member.address), member.silent / 1e6
        if not member.answers:
            level: Level = "wrong" if silent_s > SILENT_WRONG_S else "look"
            yield (
                level,
                f"{address} is silent for {shown(silent_s)}",
                f"start it; if it is gone for good: lastword lapse {address} -a {found.address}",
            )
    runs = Counter(told.run for told in found.members if told.run)
    runs[found.ready.run] += 1
    for told in found.members:
        if told.run and runs[told.run] > 1:
            address = printable(told.address)
            yield (
                "look",
                f"{address} leads to a node that is listed under another address, too",
                f"curl -X DELETE {found.address}/_peers_/{address} unlists the old one",
            )
    versions = {found.version} | {told.version for told in found.members if told.version}
    if len(versions) > 1:
        several = ", ".join(sorted(map(printable, versions)))
        yield "look", f"members run different versions: {several}", "bring all to the newest"
    yield "ok", f"{len(found.tombstones.members)} other members, and all answer", ""


def _replication(found: Examination) -> Iterator[Said]:
    if found.converged is None:
        yield "look", "it does not say how far members are apart", "bring it up to date"
        return
    for reason in found.converged.reasons:
        if reason.code != "silent":
            level: Level = "wrong" if reason.code in {"differs", "apart"} else "look"
            yield level, printable(reason.message), _REMEDIES.get(reason.code, "wait, look again")
    yield "ok", "no member that answers is behind, and digests are not known to differ", ""


_REMEDIES: Final = {
    "differs": "lastword verify names the sets; a comparison repairs them, else look at the disk",
    "apart": "lastword tombstones shows who is behind whom; lastword rejoin settles it",
    "lag": "wait; if it stays, look at the network between the two, and at this node's disk",
    "their_lag": "wait; if it stays, look at the network between the two, and at the disk there",
}


def _tombstones(found: Examination) -> Iterator[Said]:
    now_us = found.clock.wall_us
    for member in found.tombstones.members:
        if member.blocks_since is not None:
            address, since_s = printable(member.address), (now_us - member.blocks_since) / 1e6
            level: Level = "wrong" if since_s > BLOCKED_WRONG_S else "look"
            yield (
                level,
                f"{address} holds the forgetting of tombstones back for {shown(max(0, since_s))}",
                f"start it; if it is gone for good: lastword lapse {address} -a {found.address}",
            )
    if not found.tombstones.may_collect:
        yield (
            "look",
            "it collects no tombstones yet: it waits for an answer of each member",
            "in a new cluster wait for --collect-every; else see that all, and each -i, answer",
        )
    yield "ok", f"{found.tombstones.held:,} tombstones held, and nobody holds them back", ""


def _limits(found: Examination) -> Iterator[Said]:
    if found.condition is None:
        yield "look", "it does not tell its limits", "show it an admin's token (--token-file)"
        return
    for limit in found.condition.limits:
        if limit.used > NEAR * limit.most:
            yield (
                "wrong" if limit.used >= limit.most else "look",
                f"{printable(limit.name)}: {limit.used:,} of {limit.most:,}",
                "ulimit -n raises it" if limit.name == "open files" else "docs/REFERENCE.md",
            )
    yield "ok", "no limit is near", ""


def _settings(found: Examination) -> Iterator[Said]:
    if found.condition is None:
        return
    ours = found.condition.settings
    yield from _safety(ours)
    if ours.grace_seconds < GRACE_SHORT_S:
        yield (
            "look",
            f"--grace is {shown(ours.grace_seconds)}: who is away for longer begins afresh",
            "give all nodes a longer --grace, such as 7d",
        )
    for told in found.members:
        if told.condition is not None:
            yield from _differences(ours, printable(told.address), told.condition.settings)
    yield "ok", f"a backup that is older than {shown(ours.grace_seconds)} begins afresh", ""


def _safety(ours: Settings) -> Iterator[Said]:
    if ours.loopback_only:
        return
    for has, option in (
        (ours.secret, "--cluster-secret-file"),
        (ours.tokens, "--admin-token-file"),
    ):
        if not has:
            yield (
                "wrong",
                f"it is reachable from other machines without {option}",
                f"start it with {option}; SECURITY.md says what for",
            )
    if not ours.tls:
        yield "look", "what it says beyond this machine can be read on the wire", "--tls-cert"


def _differences(ours: Settings, address: str, theirs: Settings) -> Iterator[Said]:
    if ours.digest_key != theirs.digest_key:
        yield (
            "wrong",
            f"{address} has another digest key: whatever both hold seems to differ",
            "begin one of the two on a new file",
        )
    for name, here, there in (
        ("--grace", ours.grace_seconds, theirs.grace_seconds),
        ("--lapse-after", ours.lapse_seconds, theirs.lapse_seconds),
        ("--collect-every", ours.collect_seconds, theirs.collect_seconds),
    ):
        if here != there:
            yield (
                "look",
                f"{name} is {shown(here)} here and {shown(there)} at {address}",
                "give all nodes the same",
            )


_AREAS: Final[dict[str, Callable[[Examination], Iterator[Said]]]] = {
    "clock": _clock,
    "disk": _disk,
    "members": _members,
    "replication": _replication,
    "tombstones": _tombstones,
    "limits": _limits,
    "settings": _settings,
}
