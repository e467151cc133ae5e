"""One round: a victim whose files are damaged, read by its clients, and what becomes of it.

The promise that is judged: every answer is right, or an error, or late (`history` says what that
is); the member's state changes by nothing but what was acknowledged; in the end both hold all that
was acknowledged, but for what only the damaged place had, which is named. Before damage that
checksums cannot tell is found, answers may be wrong; they are counted.
"""

import shutil
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from random import Random
from signal import SIGKILL
from typing import Final

import msgspec

from lastword.errors import CorruptStore, LastwordError
from lastword.store.sqlite.verify import verify_file
from tools.durability.damages import Files, Kind
from tools.durability.forked import ForkedNode
from tools.durability.history import Answer, Judgement, Name
from tools.durability.operator import PATIENCE_S, Damage, Operator, facts_of, until
from tools.durability.pair import SETS, Pair, copy_file
from tools.durability.reading import NOT_ANSWERED, Reading, read_all, read_by_resp, states
from tools.processes import ProcessFault

OPTIONS: Final = (
    *("-r", "0.05", "-f", "0.4"),
    *("--grace", "3000d", "--lapse-after", "3000d", "--collect-every", "3000d"),
)
"""What is removed stays: the files' wall stands in the past."""

TOGETHER_SHARE: Final = 0.3
"""Of so many rounds the member is there from the start."""

BY_ITSELF_S: Final = 10.0
"""So long is waited for what heals by itself, before an operator asks for it."""

SCRUBBING_SHARE: Final = 0.5
"""Of so many rounds the victim scrubs by itself after its start; else all is read before."""

MARK: Final = "damaged"
"""What a line of the victim's log has in it that tells of damage."""

RESP_SHARE: Final = 0.2
SHOWN_MAX: Final = 3


class Verdict(msgspec.Struct, kw_only=True):
    """What a round came to. `wrong` and `mixed` are answers, most of one reading; see `history`.

    `found` says by what damage was found first; None where by nothing. `behind` is by how many
    commits the node was late, `lost` how many elements are gone that only the victim had, of which
    nothing says so of `unnamed`. `faults` are breaches of the promise.
    """

    kind: str
    number: int
    what: str = ""
    found: str | None = None
    wrong: int = 0
    mixed: int = 0
    behind: int = 0
    spread: int = 0
    lost: int = 0
    unnamed: int = 0
    healed: str = "by itself"
    faults: list[str] = []
    took_s: float = 0.0


class DamagedRound:
    """Plays one round in a folder, which stays where a promise is broken."""

    node_type = ForkedNode
    scrubbing_share = SCRUBBING_SHARE

    def __init__(self, folder: Path, pair: Pair, kind: Kind, number: int, seed: int) -> None:
        self._folder = folder
        self._pair = pair
        self._history = pair.history()
        self._kind = kind
        self._rng = Random(f"{seed} {kind.name} {number}")
        self._together = self._rng.random() < TOGETHER_SHARE
        self._files = Files(folder / "victim.db", pair)
        self._verdict = Verdict(kind=kind.name, number=number)
        self._operator = Operator(folder)
        self._scrubs = self._rng.random() < self.scrubbing_share
        scrubbing = () if self._scrubs else ("--scrub-every", "0")
        self._victim = self.node_type(
            self._files.path, *OPTIONS, *scrubbing, port=pair.victim_port
        )
        self._member = ForkedNode(folder / "member.db", *OPTIONS, port=pair.member_port)
        self._damage = Damage()
        self._sets: set[str] = set()
        self._frames_unread = 0

    def play(self) -> Verdict:
        """Play it; return what it came to."""
        began_s, verdict = time.monotonic(), self._verdict
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        try:
            self._prepare()
            if self._together:
                self._member.start()
            if self._starts():
                self._read_and_scrub()
            if not self._together:
                self._member.start()
            self._heal()
            self._examine()
        except (ProcessFault, AssertionError, LastwordError, ValueError, OSError) as error:
            verdict.faults.append(f"{type(error).__name__}: {error}")
        finally:
            self._victim.kill()
            self._member.kill()
        verdict.took_s = time.monotonic() - began_s
        (self._folder / "verdict.txt").write_text(
            "\n".join([repr(verdict), *self._operator.heard])
        )
        if not verdict.faults:
            shutil.rmtree(self._folder)
        return verdict

    def _prepare(self) -> None:
        copy_file(self._pair.member_file(), self._member.database)
        what = [self._kind.take(self._files, self._rng)]
        if not self._kind.live:
            what.append(self._kind.damage(self._files, self._rng))
        what.append("member there from the start" if self._together else "member later")
        what += ["scrubs by itself"] if self._scrubs else []
        self._verdict.what = "; ".join(what)

    def _starts(self) -> bool:
        """Start the victim; where it refuses, do as its operator is told to, and import."""
        try:
            self._victim.start()
        except ProcessFault as fault:
            self._rebuild_file(str(fault))
            return False
        self._look("the start")
        return True

    def _rebuild_file(self, fault: str) -> None:
        self._note("the start")
        self._verdict.healed = "by rebuild -d"
        if "exit code 4" not in fault and "exit code 3" not in fault:
            self._verdict.faults.append(f"the start did not refuse in order: {fault[-600:]}")
        code = self._operator.does("rebuild", "-d", str(self._files.path))
        if code != 0:
            self._verdict.faults.append(f"rebuild -d ended with {code}: {self._operator.last}")
            self._clear()
        self._victim.start()

    def _clear(self) -> None:
        """Take a file away by hand that no verb rebuilt, so that the round goes on."""
        for name in (self._files.path, self._files.log):
            name.unlink(missing_ok=True)

    def _read_and_scrub(self) -> None:
        """Read all, before the damage may have been noticed, and after it must have been."""
        warm = self._kind.live and self._rng.random() < 0.5
        if warm:
            self._read()
        if self._kind.live:
            self._verdict.what += "; " + self._kind.damage(self._files, self._rng)
            self._verdict.what += ", all read before" if warm else ""
        self._read()
        code = self._operator.does("scrub", self._victim.address)
        if code not in {0, 4}:
            self._verdict.faults.append(f"scrub ended with {code}: {self._operator.last}")
        if code == 4:
            self._note("the scrub")
        self._look("the scrub")
        self._read(after_scrub=True)
        if self._kind.live:
            self._end_victim()
            if self._starts():
                self._read(after_scrub=True)

    def _end_victim(self) -> None:
        """End it by a kill, or in order, which copies its log back."""
        if self._rng.random() < 0.5:
            self._victim.process.signal(SIGKILL)
            self._verdict.what += "; killed"
        else:
            self._victim.stop()
            self._verdict.what += "; stopped"
        self._victim.kill()

    def _read(self, *, after_scrub: bool = False) -> None:
        """Read all that there is, and judge it."""
        reading = read_all(self._victim.address, [*self._history.newest])
        sets = [name for name in SETS if self._rng.random() < RESP_SHARE]
        names = [name for name in self._history.newest if name[0] in sets]
        reading.add(read_by_resp(self._victim.resp_address, names))
        if reading.refusals:
            self._note("a read")
        self._look("its own scrub")
        self._judge(reading, after_scrub=after_scrub)

    def _judge(self, reading: Reading, *, after_scrub: bool) -> None:
        verdict = self._verdict
        other = self._pair.member if self._together else None
        judged = self._history.judge(
            reading.answers, other, replaced=self._together and verdict.found is not None
        )
        verdict.wrong = max(verdict.wrong, len(judged.wrong))
        verdict.mixed = max(verdict.mixed, len(judged.mixed))
        verdict.behind = max(verdict.behind, judged.behind)
        if after_scrub or self._kind.exact:
            when = "after the scrub" if after_scrub else "before the scrub"
            verdict.faults += [f"{when}: {line}" for line in _shown(judged)]
        if judged.behind and not self._kind.late and (after_scrub or self._kind.exact):
            verdict.faults.append(f"late by {judged.behind} commits")
        for code in reading.refusals.keys() - {"corrupt_store", "MISCONF", NOT_ANSWERED}:
            verdict.faults.append(f"answered {code}")

    def _look(self, by: str) -> None:
        """Look at what the victim says of itself, now and in its log: it may be whole again."""
        if MARK in self._victim.process.errors():
            self._note(by)
        facts = facts_of(self._victim.address)
        if facts is None:
            return
        self._damage = facts.damage
        self._sets.update(facts.damage.sets)
        self._frames_unread = max(self._frames_unread, facts.damage.log_frames_unread)
        if facts.damage.is_known or facts.damage.log_frames_unread:
            self._note(by)

    def _note(self, by: str) -> None:
        if self._verdict.found is None:
            self._verdict.found = by

    def _heal(self) -> None:
        """Wait until both agree; where they do not, ask the victim to rebuild."""
        if not until(self._agree, BY_ITSELF_S):
            self._verdict.healed = "by rebuild"
            code = self._operator.does("rebuild", self._victim.address)
            if code != 0:
                self._verdict.faults.append(f"rebuild ended with {code}: {self._operator.last}")
                return
            if not until(self._agree, PATIENCE_S):
                self._verdict.faults.append(f"never agreed; damage: {self._damage}")
        for bundle in sorted(self._folder.glob("victim.db-damaged-*.ndjson")):
            if "doubtful" not in bundle.name:
                code = self._operator.does("import", str(bundle), "-a", self._victim.address)
                if code != 0:
                    self._verdict.faults.append(f"import: {code}: {self._operator.last}")
        if not until(self._agree, PATIENCE_S):
            self._verdict.faults.append(f"do not agree in the end; damage: {self._damage}")

    def _agree(self) -> bool:
        victim, member = facts_of(self._victim.address), facts_of(self._member.address)
        self._look("a comparison")
        if victim is None or member is None or victim.copying is not None:
            return False
        return victim.digest == member.digest and not victim.damage.is_known

    def _examine(self) -> None:
        """Compare what both hold in the end with what was acknowledged, and check the file."""
        code = self._operator.does("verify", self._victim.address, self._member.address)
        if code != 0:
            self._verdict.faults.append(f"verify ended with {code}: {self._operator.last}")
        held = states(self._member.address, [*SETS])
        self._verdict.faults += self._spread(held)
        if states(self._victim.address, [*SETS]) != held:
            self._verdict.faults.append("victim and member hold different states")
        lost = {name for name, at in self._history.newest.items() if held.get(name) != at}
        self._verdict.lost = len(lost)
        had = [name for name in lost if self._pair.member.get(name) == self._history.newest[name]]
        self._verdict.faults += [f"lost though the member had it: {name}" for name in had[:9]]
        self._name(lost)
        if MARK in self._victim.process.errors():
            self._note("its own scrub")
        self._victim.kill()
        self._check()

    def _spread(self, held: dict[Name, int]) -> Iterator[str]:
        """Yield what the member holds that was never acknowledged."""
        for name, stamp in held.items():
            if stamp not in self._history.ever(name) or stamp < self._pair.member.get(name, 0):
                self._verdict.spread += 1
                yield f"spread: {name} as {stamp}, was {self._pair.member.get(name)}"
        listed = {name[1] for name in states(self._member.address, ["_peers_"])}
        if not listed <= self._pair.addresses:
            self._verdict.spread += 1
            yield f"spread: {listed} are listed"

    def _name(self, lost: Collection[Name]) -> None:
        """Find whether all that is lost was named; what looks like a crash cannot be.

        A start that was refused named the whole file.
        """
        said = "\n".join([self._victim.process.errors(), *self._operator.heard])
        unnamed = {
            set_name
            for set_name, _ in lost
            if set_name not in self._sets and repr(set_name) not in said
        }
        if not unnamed or self._frames_unread or self._verdict.healed == "by rebuild -d":
            return
        self._verdict.unnamed = sum(set_name in unnamed for set_name, _ in lost)
        if not (self._verdict.behind and self._kind.late):
            self._verdict.faults.append(f"lost, and not named: elements of {sorted(unnamed)}")

    def _check(self) -> None:
        try:
            problems: Sequence[str] = verify_file(self._files.path).problems
        except CorruptStore as error:
            problems = [str(error)]
        self._verdict.faults += [f"the file in the end: {problem}" for problem in problems[:3]]


def _shown(judged: Judgement) -> Iterator[str]:
    for kind, answers in (("wrong", judged.wrong), ("mixed", judged.mixed)):
        if answers:
            some = ", ".join(map(_shown_answer, answers[:SHOWN_MAX]))
            yield f"{len(answers)} {kind} answers, such as {some}"


def _shown_answer(answer: Answer) -> str:
    stamp = f" at {answer.stamp}" if answer.is_stamped else ""
    return f"{answer.name[0]}/{answer.name[1][:20]!r} {'is' if answer.present else 'not'}{stamp}"
