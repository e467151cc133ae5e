"""Which texts are addresses that can be called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastword.address import checked_address, is_address
from lastword.errors import InvalidAddress
from lastword.limits import ADDRESS_BYTES_MAX


@pytest.mark.parametrize(
    "text",
    [
        "localhost:3000",
        "127.0.0.1:1",
        "db-1.example.com:65535",
        "db-1.example.com.:80",
        "under_score:80",
        "a:1",
        "[::1]:3000",
        "[2001:db8::7]:443",
        "[fe80::1%eth0]:443",
        "x" * (ADDRESS_BYTES_MAX - 2) + ":1",
    ],
)
def test_a_host_and_a_port_are_an_address(text: str) -> None:
    assert checked_address(text) == text
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "localhost",
        "localhost:",
        ":3000",
        "localhost:0",
        "localhost:65536",
        "localhost:123456",
        "localhost:+80",
        "localhost: 80",
        "localhost:٣",
        "::1:3000",
        "[::1]",
        "[::1]3000",
        "[]:80",
        "[127.0.0.1]:80",
        "[::1:80",
        "http://localhost:80",
        "localhost:80/",
        "user@host:80",
        "a b:80",
        "a\n:80",
        "a:80\n",
        "-a:80",
        "a-:80",
        ".:80",
        "bücher:80",
        "\ufffd:80",
        "x" * (ADDRESS_BYTES_MAX - 1) + ":1",
    ],
)
def test_anything_else_is_refused_by_name(text: str) -> None:
    assert not is_address(text)
    with pytest.raises(InvalidAddress, match="is not host:port"):
        checked_address(text)


@given(st.text())
def test_every_text_is_an_address_or_is_refused(text: str) -> None:
    if is_address(text):
        assert text.isascii()
        assert 1 <= int(text.rpartition(":")[2]) <= 65_535


def test_a_refusal_shows_only_the_beginning_of_a_long_text() -> None:
    with pytest.raises(InvalidAddress) as refusal:
        checked_address("x" * 10_000)
    assert len(str(refusal.value)) < 100
