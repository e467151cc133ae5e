"""Which names a node may be called by."""

import pytest

from lastword.access.hosts import KEPT_MAX, Hosts
from lastword.errors import ForeignHost

RIGHT = (
    "127.0.0.1",
    "127.0.0.1:3000",
    "10.1.2.3:80",
    "[::1]:3000",
    "[2001:db8::1]",
    "::1",
    "localhost",
    "LOCALHOST:3000",
    "a.localhost:3000",
    "node1:3000",
    "own.example:3000",
    "Own.Example.",
    "",
)
FOREIGN = (
    "evil.example",
    "evil.example:3000",
    "own.example.evil.example",
    "xown.example",
    "127.0.0.1.evil.example:80",
    "evil.example:own.example",
    "[evil.example]:1",
    "localhost.evil.example",
    "evil.example.:80",
    "999.1.1.1",
    "0x7f.1",
    "\xff.example",
)


@pytest.mark.parametrize("header", RIGHT)
def test_addresses_local_names_and_its_own_are_right(header: str) -> None:
    hosts = Hosts(["own.example"])
    for _ in range(2):
        hosts.check(header.encode("latin-1"))


@pytest.mark.parametrize("header", FOREIGN)
def test_other_names_with_a_dot_are_foreign(header: str) -> None:
    hosts = Hosts(["own.example"])
    for _ in range(2):
        with pytest.raises(ForeignHost):
            hosts.check(header.encode("latin-1"))


def test_what_is_kept_is_bounded() -> None:
    hosts = Hosts()
    for number in range(2 * KEPT_MAX):
        hosts.check(b"a%d" % number)
    assert len(hosts._right) == KEPT_MAX
