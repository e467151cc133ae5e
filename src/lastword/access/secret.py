"""The cluster's secret: a file that all members have, and the keys that are derived from it.

A file has one secret a line: the first signs, all are believed, so that a cluster changes its
secret in two steps and without a stop. No secret is ever part of a message, a log or an error.
"""

import hmac
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lastword.errors import ConfigError

SECRET_CHARACTERS_MIN: Final = 32
"""As hexadecimal digits these are 128 random bits, which nobody guesses."""

SECRETS_MAX: Final = 8
"""A change needs two; each is tried on a message that is not believed."""

FILE_BYTES_MAX: Final = 65_536
"""A file that is longer is another one."""

OTHERS_MAY_USE: Final = 0o066
"""Reading is knowing the secret, and writing is choosing it."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What one secret becomes: a key for messages, and one for replies."""

    message: bytes = field(repr=False)
    reply: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> "Keys":
        """Derive the keys; one cannot be told from the other, nor the secret from both."""
        return cls(
            hmac.digest(secret, b"lastword: a message between nodes", "sha256"),
            hmac.digest(secret, b"lastword: a reply between nodes", "sha256"),
        )


def load_keys(path: Path) -> tuple[Keys, ...]:
    """Return the keys of the secrets in a file; raise ConfigError where it has none."""
    return tuple(map(Keys.of, load_secrets(path)))


def load_secrets(path: Path) -> list[bytes]:
    """Return the secrets in a file, one a line; raise ConfigError where it has none."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(f"{path} cannot be read: {reason}") from None
    secrets = [line.strip() for line in data.splitlines()]
    secrets = [secret for secret in secrets if secret and not secret.startswith(b"#")]
    if len(data) > FILE_BYTES_MAX or not 1 <= len(secrets) <= SECRETS_MAX:
        raise ConfigError(
            f"{path} is no file of 1 to {SECRETS_MAX} secrets, one a line", hint=_HOW_TO_MAKE
        )
    if any(len(secret) < SECRET_CHARACTERS_MIN for secret in secrets):
        raise ConfigError(
            f"{path} has a secret of fewer than {SECRET_CHARACTERS_MIN} characters",
            hint=_HOW_TO_MAKE,
        )
    return secrets


def others_may_use(path: Path) -> bool:
    """Return whether the file may be read or written by others than its owner."""
    try:
        return bool(path.stat().st_mode & OTHERS_MAY_USE)
    except OSError:  # it went after it was read
        return False


_HOW_TO_MAKE: Final = (
    "Make one: (umask 077; openssl rand -hex 32 > FILE), and copy it to all nodes."
)
