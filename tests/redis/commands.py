"""Commands as Hypothesis makes them: such as clients send, and such as none should.

All names of sets are such as both servers take.
"""

from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

from tests.redis.connection import Command

Arguments = st.SearchStrategy[Command]

KEYS: Final = (b"a", b"b", b"c", b"ab", b"a*b", b"[ab]", "é".encode(), b"a b")
MEMBERS: Final = (
    *(b"a", b"b", b"ab", b"A", b"", b"\x00", b"\xff\xfe", b"\r\n", b"a*", b"[", b"\\", b"$-1\r\n"),
    *(b"1", b"2", b"01", b"-1", b"+1", b"1.0", b"9223372036854775807", b"9223372036854775808"),
)
NUMBERS: Final = (
    *(b"0", b"1", b"2", b"3", b"10", b"-1", b"-2", b"01", b"+1", b" 1", b"1.5", b"x", b"-0"),
    *(b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808"),
    *(b"18446744073709551616", b"4611686018427387904"),
)
WORDS: Final = (
    *(b"MATCH", b"COUNT", b"TYPE", b"LIMIT", b"set", b"string", b"*", b"a*", b"ASYNC", b"SYNC"),
    *(b"match", b"limit"),
)
ALL: Final = b"1000"
"""A count that no set here has: whoever asks for so many gets all."""

RANDOM: Final = frozenset((b"SPOP", b"SRANDMEMBER", b"RANDOMKEY"))
CHANGING: Final = frozenset(
    (
        *(b"SADD", b"SREM", b"SPOP", b"SMOVE", b"SINTERSTORE", b"SUNIONSTORE", b"SDIFFSTORE"),
        *(b"DEL", b"UNLINK", b"RENAME", b"FLUSHALL", b"FLUSHDB"),
    )
)
NAMES: Final = (
    *(b"SADD", b"SREM", b"SISMEMBER", b"SMISMEMBER", b"SMEMBERS", b"SCARD", b"SSCAN"),
    *(b"SRANDMEMBER", b"SPOP", b"SMOVE", b"SINTER", b"SINTERCARD", b"SUNION", b"SDIFF"),
    *(b"SINTERSTORE", b"SUNIONSTORE", b"SDIFFSTORE", b"DEL", b"UNLINK", b"EXISTS", b"TYPE"),
    *(b"KEYS", b"SCAN", b"RENAME", b"DBSIZE", b"RANDOMKEY", b"PING", b"ECHO", b"SELECT"),
    *(b"MULTI", b"EXEC", b"DISCARD", b"WATCH", b"UNWATCH", b"HELLO", b"RESET", b"CLIENT"),
    *(b"CONFIG", b"AUTH", b"FLUSHALL", b"FLUSHDB", b"TIME"),
)

keys = st.sampled_from((*KEYS[:2], *KEYS[:2], *KEYS))
"""Two of them more often, so that commands meet on one set."""
members = st.sampled_from(MEMBERS) | st.binary(max_size=3)
numbers = st.sampled_from(NUMBERS)
patterns = st.sampled_from((b"*", b"a*", b"?", b"[ab]", b"\\[*")) | st.text(
    "ab*?[]^-\\", max_size=6
).map(str.encode)


def _spelt(name: bytes) -> st.SearchStrategy[bytes]:
    return st.sampled_from((name, name, name, name.lower(), name.title()))


def _several(part: st.SearchStrategy[bytes], most: int = 4) -> Arguments:
    return st.lists(part, min_size=1, max_size=most).map(tuple)


def _maybe(*parts: Arguments | st.SearchStrategy[bytes]) -> Arguments:
    return st.just(()) | _row(*parts)


def _row(*parts: Arguments | st.SearchStrategy[bytes]) -> Arguments:
    """Join what the strategies make, arguments and rows of arguments, into one row."""
    return st.tuples(*parts).map(_flat)


def _flat(parts: Sequence[bytes | Command]) -> Command:
    flat: list[bytes] = []
    for part in parts:
        flat.extend((part,) if isinstance(part, bytes) else part)
    return tuple(flat)


def _command(name: bytes, *parts: Arguments | st.SearchStrategy[bytes]) -> Arguments:
    return _row(_spelt(name), *parts)


def _word(word: bytes) -> Arguments:
    return st.just((word,))


def _interest(most: int = 3) -> Arguments:
    """Return SINTERCARD's arguments, with the right number of keys."""
    return _several(keys, most).map(lambda row: (b"%d" % len(row), *row))


_matching = _maybe(_word(b"MATCH"), patterns)
_changes = st.one_of(
    _command(b"SADD", keys, _several(members)),
    _command(b"SADD", keys, _several(members, 12)),
    _command(b"SREM", keys, _several(members)),
    _command(b"SMOVE", keys, keys, members),
    *(
        _command(name, keys, _several(keys))
        for name in (b"SINTERSTORE", b"SUNIONSTORE", b"SDIFFSTORE")
    ),
    _command(b"DEL", _several(keys)),
    _command(b"UNLINK", _several(keys)),
    _command(b"RENAME", keys, keys),
)
_reads = st.one_of(
    _command(b"SISMEMBER", keys, members),
    _command(b"SMISMEMBER", keys, _several(members)),
    *(_command(name, keys) for name in (b"SMEMBERS", b"SCARD", b"TYPE")),
    *(_command(name, _several(keys)) for name in (b"SINTER", b"SUNION", b"SDIFF", b"EXISTS")),
    _command(b"SINTERCARD", _interest(), _maybe(_word(b"LIMIT"), numbers)),
    _command(b"SSCAN", keys, _word(b"0"), _word(b"COUNT"), _word(ALL), _matching),
    _command(b"SCAN", _word(b"0"), _word(b"COUNT"), _word(ALL), _matching),
    _command(b"SCAN", _word(b"0"), _word(b"COUNT"), _word(ALL), _word(b"TYPE"), _several(keys, 1)),
    _command(b"SCAN", _word(b"0"), _word(b"TYPE"), _word(b"set"), _word(b"COUNT"), _word(ALL)),
    _command(b"KEYS", patterns),
    _command(b"DBSIZE"),
    _command(b"PING", _maybe(members)),
    _command(b"ECHO", members),
)
_draws = st.one_of(
    _command(b"SPOP", keys, _maybe(numbers)),
    _command(b"SRANDMEMBER", keys, _maybe(numbers.filter(lambda n: len(n) < 3))),
    _command(b"RANDOMKEY"),
)
_of_connections = st.one_of(
    *(_command(name) for name in (b"MULTI", b"EXEC", b"DISCARD", b"UNWATCH", b"RESET")),
    _command(b"WATCH", _several(keys)),
    _command(b"SELECT", numbers),
    _command(b"HELLO", st.sampled_from((b"2", b"3", b"4", b"x"))),
    _command(b"CLIENT", _word(b"SETNAME"), members),
    _command(b"CLIENT", _word(b"GETNAME")),
)

changes: Final = _changes
plain: Final = st.one_of(_changes, _reads)
"""Commands whose replies two servers that hold the same give alike, but for orders."""

proper: Final = st.one_of(_changes, _reads, _draws, _of_connections)
wild: Final = st.tuples(
    st.sampled_from(NAMES),
    st.lists(st.sampled_from((*KEYS, *NUMBERS, *WORDS)), max_size=5).map(tuple),
).map(_flat)
"""Any command with any arguments, most of them wrong."""
