"""The options of a node, checked: each error is one clear line before anything is opened."""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from lastword.address import checked_address
from lastword.errors import ConfigError
from lastword.limits import CACHE_BYTES_DEFAULT
from lastword.replication.settings import COLLECT_INTERVAL_US, GRACE_US, LAPSE_US

CACHE_MB_MAX = 1_000_000
"""A terabyte: more is a slip of the hand."""

PERIOD_S_MAX = 10 * 366 * 86_400
"""Ten years: for ever, as far as a cluster goes."""

LAPSE_S_MIN = 60
"""A minute: a restart, or a member that is slow, must not look like one that has gone."""

WILDCARDS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - to recognise them, not to listen there


@dataclass(frozen=True, slots=True)
class Exposure:
    """Who may reach a node, and what that takes; by itself nobody but this machine."""

    loopback_only: bool = True
    secret: bool = False
    tokens: bool = False
    tls: bool = False


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What a node is started with. Periods are in seconds.

    `redis_port` is None where the Redis protocol is not spoken.
    """

    host: str = "127.0.0.1"
    port: int = 3000
    database: Path = Path("lastword.db")
    initial_peers: tuple[str, ...] = ()
    advertise: str | None = None
    replication_delay_s: float = 0.2
    full_replication_delay_s: float = 60.0
    grace_s: float = GRACE_US / 1e6
    collect_every_s: float = COLLECT_INTERVAL_US / 1e6
    lapse_after_s: float = LAPSE_US / 1e6
    scrub_every_s: float = 7 * 86_400.0
    insecure: bool = False
    walks: bool = True
    cache_mb: int = CACHE_BYTES_DEFAULT // 1_000_000
    redis_port: int | None = None
    allow_flush: bool = False
    cluster_secret_file: Path | None = None
    admin_token_file: Path | None = None
    allow_hosts: tuple[str, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None

    def check(self) -> None:
        """Raise ConfigError or InvalidAddress where an option cannot be meant so."""
        for address in (*self.initial_peers, *filter(None, (self.advertise,))):
            checked_address(address)
        for name in self.allow_hosts:
            checked_address(f"{name}:1")
        for port in (self.port, self.redis_port or 0):
            if not 0 <= port <= 65_535:
                raise ConfigError(f"port {port} is not between 0 and 65535")
        for name, period_s in (
            ("--replication-delay", self.replication_delay_s),
            ("--full-replication-delay", self.full_replication_delay_s),
        ):
            if not 0.001 <= period_s <= 86_400 * 366:
                raise ConfigError(f"{name} {period_s} is not between 0.001 and a year of seconds")
        self._check_collection()
        if not 0 <= self.scrub_every_s <= PERIOD_S_MAX:
            raise ConfigError("--scrub-every is not between 0 and ten years")
        if not 0 <= self.cache_mb <= CACHE_MB_MAX:
            raise ConfigError(f"--cache-mb {self.cache_mb} is not between 0 and {CACHE_MB_MAX}")
        self._check_tls()
        self._check_exposure()

    def _check_tls(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigError("one of --tls-cert and --tls-key is given, and TLS needs both")
        if self.tls_ca is not None and self.tls_cert is None:
            raise ConfigError(
                "--tls-ca is given, but no certificate of this node",
                hint="Nodes speak TLS both ways, or not at all.",
            )

    def _check_collection(self) -> None:
        for name, period_s, least_s in (
            ("--grace", self.grace_s, 0),
            ("--collect-every", self.collect_every_s, 1),
            ("--lapse-after", self.lapse_after_s, LAPSE_S_MIN),
        ):
            if not least_s <= period_s <= PERIOD_S_MAX:
                raise ConfigError(f"{name} is not between {least_s} seconds and ten years")
        if self.lapse_after_s < self.grace_s:
            raise ConfigError(
                "--lapse-after is less than --grace",
                hint="Whoever is away for less than the grace period comes back without a copy.",
            )

    def _check_exposure(self) -> None:
        lacks = [
            option
            for option, given in (
                ("--cluster-secret-file", self.cluster_secret_file),
                ("--admin-token-file", self.admin_token_file),
            )
            if given is None
        ]
        if lacks and not self.insecure and not _is_loopback(self.host):
            raise ConfigError(
                f"{self.host or 'every address'} is reachable from other machines, and whoever "
                "reaches this node may read and write everything",
                hint=f"Give it {' and '.join(lacks)}, listen on 127.0.0.1, or pass --insecure on "
                "a network that you trust.",
            )
        if self.admin_token_file is not None and self.cluster_secret_file is None:
            raise ConfigError(
                "--admin-token-file is given, but no --cluster-secret-file",
                hint="Without it whoever calls as a node does may write tokens, too.",
            )
        if self.host in WILDCARDS and self.advertise is None and not self.initial_peers:
            raise ConfigError(
                f"others cannot reach this node as {self.host or 'every address'}",
                hint="Say by --advertise host:port, or by -i, under which address they reach it.",
            )

    def tokens_travel_open(self) -> bool:
        """Return whether tokens may be shown from other machines without TLS."""
        shown = self.admin_token_file is not None and not _is_loopback(self.host)
        return shown and self.tls_cert is None

    def exposure(self) -> Exposure:
        """Return who may reach this node, and what that takes."""
        return Exposure(
            loopback_only=_is_loopback(self.host),
            secret=self.cluster_secret_file is not None,
            tokens=self.admin_token_file is not None,
            tls=self.tls_cert is not None,
        )

    def host_names(self) -> list[str]:
        """Return the names that this node goes by, beside its addresses."""
        advertised = () if self.advertise is None else (self.advertise.rpartition(":")[0],)
        return [*self.allow_hosts, *advertised, self.host]

    def default_address(self, port: int) -> str:
        """Return the address of a node that listens on `port`; empty for a wildcard host."""
        if self.host in WILDCARDS:
            return ""
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
