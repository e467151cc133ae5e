"""What a node acknowledged, commit by commit, and of which of its moments an answer is true.

A node holds what its commits made of it. An answer is *right* where it is true of the newest
moment, after the last commit. All answers together are *late* where they are true of one earlier
moment: so a node answers that has lost the end of its log, and any client could have been told the
same by it before. An answer that no moment can give is *wrong*. Answers that are each true of some
moment, and all together of none, are *mixed*: they show a state that never was.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

import msgspec

from lastword.crdt.stamp import is_removed

Name = tuple[str, bytes]
"""A set and an element."""

Stamps = Mapping[Name, int]


class Answer(msgspec.Struct, frozen=True):
    """What was answered of an element: whether it is there, or also its stamp, if it has one."""

    name: Name
    present: bool
    stamp: int | None = None
    is_stamped: bool = False


def stamped(name: Name, stamp: int | None) -> Answer:
    """Return the answer of a whole state: a stamp, or None for an element that is not in it."""
    return Answer(name, _is_present(stamp), stamp, is_stamped=True)


class Commit(msgspec.Struct, frozen=True):
    """The stamps that one commit gave."""

    stamps: dict[Name, int]


@dataclass(slots=True)
class Judgement:
    """What answers came to. `behind` is by how many commits all of them are late, if they are.

    `mixed` has those that are not true of the newest moment, where there is no one moment for all.
    """

    wrong: list[Answer] = field(default_factory=list)
    mixed: list[Answer] = field(default_factory=list)
    behind: int = 0


class History:
    """All commits of a node in their order."""

    def __init__(self, commits: Iterable[Commit] = ()) -> None:
        self.commits: list[Commit] = []
        self.newest: dict[Name, int] = {}
        self._changes: dict[Name, list[tuple[int, int]]] = {}
        for commit in commits:
            self.add(commit)

    def add(self, commit: Commit) -> None:
        """Add a commit that was acknowledged, with what was new by it."""
        self.commits.append(commit)
        for name, stamp in commit.stamps.items():
            self.newest[name] = stamp
            self._changes.setdefault(name, []).append((len(self.commits), stamp))

    def ever(self, name: Name) -> set[int]:
        """Return all stamps that an element ever had."""
        return {stamp for _, stamp in self._changes.get(name, ())}

    def judge(
        self, answers: Iterable[Answer], other: Stamps | None = None, *, replaced: bool = False
    ) -> Judgement:
        """Judge answers of one time.

        With `other` there is a member that holds this, and may have given the node anything of
        it, or what it had from the node before; where the node's state was `replaced`, that may be
        all that is left.
        """
        judgement, asked = Judgement(), 0
        moments = len(self.commits) + 1
        steps = [0] * (moments + 1)
        of_old: list[Answer] = []
        for answer in answers:
            at = None if other is None else other.get(answer.name)
            spans = list(self._spans(answer, at))
            is_right = bool(spans) and spans[-1][1] == moments
            if (other is not None and is_right) or (replaced and _is_true(answer, at, None)):
                spans = [(0, moments)]
            if not spans:
                judgement.wrong.append(answer)
                continue
            asked += 1
            for begin, end in spans:
                steps[begin] += 1
                steps[end] -= 1
            if spans[-1][1] != moments:
                of_old.append(answer)
        true_of = list(accumulate(steps))[:moments]
        fitting = [moment for moment, count in enumerate(true_of) if count == asked]
        if fitting:
            judgement.behind = moments - 1 - fitting[-1]
        else:
            judgement.mixed = of_old
        return judgement

    def _spans(self, answer: Answer, other: int | None) -> Iterator[tuple[int, int]]:
        """Yield the stretches of moments, from and to below, that an answer is true of."""
        begin, stamp = 0, None
        for at, later in self._changes.get(answer.name, ()):
            if _is_true(answer, stamp, other):
                yield begin, at
            begin, stamp = at, later
        if _is_true(answer, stamp, other):
            yield begin, len(self.commits) + 1


def _is_true(answer: Answer, stamp: int | None, other: int | None) -> bool:
    merged = stamp if other is None else max(stamp or 0, other)
    return any(
        answer.stamp == held if answer.is_stamped else answer.present == _is_present(held)
        for held in {stamp, merged}
    )


def _is_present(stamp: int | None) -> bool:
    return stamp is not None and not is_removed(stamp)
