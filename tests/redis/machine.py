"""Random commands played on two servers at once, which must reply alike.

Two clients talk to each server, one in RESP2 and one in RESP3, and a third looks on. What a server
draws at random is checked against what it may draw; then what the first server popped is put back
and what the second popped is taken out, so that both hold the same again.
"""

import sys
from contextlib import ExitStack
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.redis import commands
from tests.redis.agreement import agree, one_was_called_off, transactions_agree
from tests.redis.commands import ALL, CHANGING, RANDOM
from tests.redis.connection import Command, Connection, encoded
from tests.redis.replies import BULK, OK, QUEUED, Reply

PAGES_MAX: Final = 1_000
"""A scan of the few members here that takes more pages does not come to its end."""

_clients = st.sampled_from((0, 1))
_COUNTED: Final = 3
"""So many arguments have SPOP and SRANDMEMBER with a count."""


class Client:
    """A connection to each of two servers, told the same."""

    def __init__(self, expected: Connection, actual: Connection) -> None:
        self.expected = expected
        self.actual = actual
        self.queued: list[Command] | None = None
        self.watched: dict[bytes, frozenset[bytes]] = {}
        self.since_watch: list[Command] = []

    def call(self, command: Command) -> tuple[Reply, Reply]:
        """Return both replies, which agree."""
        data = encoded(*command)
        self.expected.send(data)
        self.actual.send(data)
        return self.read(command)

    def read(self, command: Command) -> tuple[Reply, Reply]:
        """Return both replies to a command that was sent."""
        expected, actual = self.expected.read(), self.actual.read()
        name = command[0].upper()
        if name == b"EXEC" and self.queued is not None:
            same = transactions_agree(self.queued, expected, actual)
            same = same or (bool(self.watched) and one_was_called_off(expected, actual))
        else:
            same = agree(command, expected, actual)
        assert same, f"{command}\nRedis replies {expected}\nbut not {actual}"
        self._follow(name, command, expected)
        return expected, actual

    def _follow(self, name: bytes, command: Command, reply: Reply) -> None:
        refused = reply.is_error and not reply.value.startswith(b"EXECABORT")
        if reply == QUEUED:
            assert self.queued is not None
            self.queued.append(command)
        elif refused:
            return
        elif name == b"MULTI":
            self.queued = []
        elif name in {b"EXEC", b"DISCARD", b"RESET", b"UNWATCH"}:
            self.queued = None
            self.watched.clear()


class TwoServers(RuleBasedStateMachine):
    """A server that says what is right, and one that is compared with it."""

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._clients = [self._client(expected, actual, protocol) for protocol in (2, 3)]
        self._watcher = self._client(expected, actual, 2)
        self._watcher.call((b"FLUSHALL",))

    def _client(self, expected: str, actual: str, protocol: int) -> Client:
        return Client(
            self._stack.enter_context(Connection(expected, protocol=protocol)),
            self._stack.enter_context(Connection(actual, protocol=protocol)),
        )

    @rule(number=_clients, command=commands.proper)
    def say(self, number: int, command: Command) -> None:
        """Say one command that is as it should be."""
        self._play(self._clients[number], command)

    @rule(number=_clients, command=commands.wild)
    def say_wildly(self, number: int, command: Command) -> None:
        """Say one command with any arguments."""
        self._play(self._clients[number], command)

    @rule(number=_clients, several=st.lists(commands.plain, min_size=2, max_size=8))
    def say_at_once(self, number: int, several: list[Command]) -> None:
        """Send commands without awaiting replies."""
        client = self._clients[number]
        data = b"".join(encoded(*command) for command in several)
        client.expected.send(data)
        client.actual.send(data)
        for command in several:
            client.read(command)
            self._note(command)

    @rule(
        number=_clients,
        watched=st.lists(commands.keys, max_size=2),
        between=st.lists(commands.changes, max_size=3),
        several=st.lists(st.one_of(commands.proper, commands.wild), max_size=5),
    )
    def transact(
        self, number: int, watched: list[bytes], between: list[Command], several: list[Command]
    ) -> None:
        """Watch sets, let the other client change some, and run a transaction."""
        client, other = self._clients[number], self._clients[1 - number]
        if watched:
            self._play(client, (b"WATCH", *watched))
        for command in between:
            self._play(other, command)
        for command in ((b"MULTI",), *several, (b"EXEC",)):
            self._play(client, command)

    @rule(key=commands.keys, pattern=commands.patterns, count=st.integers(1, 12))
    def scan_set(self, key: bytes, pattern: bytes, count: int) -> None:
        """Go over a set page by page, all of it and what a pattern matches."""
        self._scan((b"SSCAN", key), (b"COUNT", b"%d" % count))
        self._scan((b"SSCAN", key), (b"COUNT", b"%d" % count, b"MATCH", pattern))

    @rule(pattern=commands.patterns, count=st.integers(1, 12))
    def scan_names(self, pattern: bytes, count: int) -> None:
        """Go over the names page by page."""
        self._scan((b"SCAN",), (b"COUNT", b"%d" % count, b"TYPE", b"set"))
        self._scan((b"SCAN",), (b"COUNT", b"%d" % count, b"MATCH", pattern))

    def teardown(self) -> None:
        """See that both hold the same at the end, unless they disagreed before."""
        if sys.exc_info()[0] is not None:
            self._stack.close()
            return
        try:
            self._watcher.call((b"DBSIZE",))
            names, _ = self._watcher.call((b"KEYS", b"*"))
            for name in names.values:
                self._watcher.call((b"SMEMBERS", name))
                self._watcher.call((b"SCARD", name))
        finally:
            self._stack.close()

    def _play(self, client: Client, command: Command) -> None:
        name = command[0].upper()
        if name == b"EXEC" and client.watched:
            self._execute(client, command)
        elif name == b"WATCH":
            self._watch(client, command)
        elif name not in RANDOM:
            client.call(command)
        elif client.queued is None:
            self._draw(client, command)
        elif name == b"SPOP":
            client.call((*command[:2], ALL, *command[3:]))
        else:
            client.call(command)
        self._note(command)

    def _note(self, command: Command) -> None:
        for client in self._clients:
            client.since_watch.append(command)

    def _watch(self, client: Client, command: Command) -> None:
        if client.call(command)[0] != OK:
            return
        if not client.watched:
            client.since_watch.clear()
        for name in command[1:]:
            client.watched.setdefault(name, self._members(name))

    def _members(self, name: bytes) -> frozenset[bytes]:
        return frozenset(self._watcher.call((b"SMEMBERS", name))[0].values)

    def _execute(self, client: Client, command: Command) -> None:
        """Where one server alone calls a transaction off, see that it may; make them agree again.

        Redis counts writes to a watched set that left its members as they were, such as a union
        that is what it was; a node counts adds of what is there and removals of what is not.
        """
        watched, commands = dict(client.watched), list(client.since_watch)
        before = {name: self._members(name) for name in watched}
        expected, actual = client.call(command)
        if not one_was_called_off(expected, actual):
            return
        if expected.is_nothing:
            assert before == watched, f"{before} was {watched} at WATCH; Redis does not execute"
        else:
            written = {word for one in commands if one[0].upper() in CHANGING for word in one[1:]}
            assert written & watched.keys(), f"nothing wrote to {set(watched)}; Redis executes"
        both = (self._watcher.expected, self._watcher.actual)
        for name in {name for server in both for name in server.call("KEYS", "*").values}:
            self._copy(name)
        client.call((b"RESET",))

    def _draw(self, client: Client, command: Command) -> None:
        """Check that what each server drew was there to be drawn, and make them agree again."""
        look = (b"SMEMBERS", command[1]) if len(command) > 1 else (b"KEYS", b"*")
        held = set(self._watcher.call(look)[0].values)
        drawn = [_drawn(reply) for reply in client.call(command)]
        name = command[0].upper()
        for members in drawn:
            assert held.issuperset(members), f"{command} drew {members} from {held}"
            if name == b"SPOP" or (len(command) == _COUNTED and not command[2].startswith(b"-")):
                assert len(members) == len(set(members)), f"{command} drew {members}"
        if name == b"SPOP" and drawn[0]:
            redis = self._watcher.expected
            redis.call("SADD", command[1], *drawn[0])
            redis.call("SREM", command[1], *drawn[1])

    def _copy(self, name: bytes) -> None:
        """Let the first server hold what the second does."""
        members = self._watcher.actual.call("SMEMBERS", name).values
        self._watcher.expected.call("DEL", name)
        if members:
            self._watcher.expected.call("SADD", name, *members)

    def _scan(self, begin: Command, options: Command) -> None:
        found = [
            _scanned(connection, begin, options)
            for connection in (self._watcher.expected, self._watcher.actual)
        ]
        assert found[0] == found[1], f"{begin} {options}\nRedis finds {found[0]}, not {found[1]}"


def _drawn(reply: Reply) -> list[bytes]:
    if isinstance(reply.value, tuple):
        return reply.values
    return [reply.value] if reply.kind == BULK and reply.value is not None else []


def _scanned(connection: Connection, begin: Command, options: Command) -> set[bytes]:
    """Return what a whole scan finds."""
    found: set[bytes] = set()
    cursor = b"0"
    for _ in range(PAGES_MAX):
        reply = connection.call(*begin, cursor, *options)
        cursor, page = reply.items[0].value, reply.items[1]
        found.update(page.values)
        if cursor == b"0":
            return found
    raise AssertionError(f"{begin} {options} took more than {PAGES_MAX} pages")


def machine(expected: str, actual: str) -> type[TwoServers]:
    """Return the machine for two addresses."""

    class Addressed(TwoServers):
        def __init__(self) -> None:
            super().__init__(expected, actual)

    return Addressed
