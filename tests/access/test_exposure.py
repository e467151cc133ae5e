"""Where a node listens says what it must be given."""

from pathlib import Path

import pytest

from lastword.config import NodeConfig
from lastword.errors import ConfigError

SECRET, ADMIN = Path("secret"), Path("admin")
WIDE = (
    "0.0.0.0", "::", "", "10.1.2.3", "192.0.2.7", "2001:db8::1", "fe80::1", "node1",
    "node.example", "localhost.example", "127.0.0.1.example", "::ffff:10.0.0.1",
)  # fmt: skip
LOOPBACK = ("127.0.0.1", "127.0.0.2", "::1", "localhost")
LACKING = (
    (None, None, "Give it --cluster-secret-file and --admin-token-file, listen"),
    (SECRET, None, "Give it --admin-token-file, listen"),
    (None, ADMIN, "Give it --cluster-secret-file, listen"),
)


def config(host: str, secret: Path | None, admin: Path | None, **more: bool) -> NodeConfig:
    return NodeConfig(
        host=host,
        advertise="127.0.0.1:9",
        cluster_secret_file=secret,
        admin_token_file=admin,
        insecure=more.get("insecure", False),
        redis_port=6379 if more.get("redis") else None,
    )


@pytest.mark.parametrize("host", WIDE)
@pytest.mark.parametrize("redis", [False, True])
def test_beyond_loopback_secret_and_tokens_are_needed(host: str, redis: bool) -> None:
    """A name counts as beyond, whatever it leads to today."""
    for secret, admin, hint in LACKING:
        with pytest.raises(ConfigError, match="is reachable from other machines") as caught:
            config(host, secret, admin, redis=redis).check()
        assert caught.value.hint.startswith(hint)
    config(host, SECRET, ADMIN, redis=redis).check()
    config(host, None, None, redis=redis, insecure=True).check()


@pytest.mark.parametrize("host", LOOPBACK)
def test_on_loopback_neither_is_needed_but_tokens_need_a_secret(host: str) -> None:
    config(host, None, None).check()
    config(host, SECRET, None).check()
    for insecure in (False, True):
        with pytest.raises(ConfigError, match="but no --cluster-secret-file"):
            config(host, None, ADMIN, insecure=insecure).check()
