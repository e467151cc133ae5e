"""The options of `lastword serve`: names, environment, and what each costs to change.

docs/REFERENCE.md has a heading for each; a test holds that. `limit_options.py` has the limits.
"""

from pathlib import Path
from typing import Annotated

import typer

from lastword.cli import config_file

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar="LASTWORD_CONFIG",
        is_eager=True,
        callback=config_file.load,
        help="A TOML file of these options under their long names: port = 3000. The command "
        "line wins over the environment, and that over the file.",
    ),
]

Port = Annotated[
    int,
    typer.Option(
        "-p",
        "--port",
        envvar="LASTWORD_PORT",
        help="TCP port for clients and other nodes; 0 takes a free one. Another port than "
        "last time is another address: unlist the old one by DELETE /_peers_/host:port.",
    ),
]

Database = Annotated[
    Path,
    typer.Option(
        "-d",
        "--database",
        "--dbfile",
        envvar="LASTWORD_DATABASE",
        help="The node's file; it is made if there is none. One process per file. "
        "Keep it on a local disk: what it costs to sync is what a write costs.",
    ),
]

InitialPeers = Annotated[
    list[str] | None,
    typer.Option(
        "-i",
        "--initial-peers",
        "--initialpeers",
        metavar="HOST:PORT",
        envvar="LASTWORD_INITIAL_PEERS",
        help="A node to find the others through; repeatable. One that is not a member any "
        "more does no harm. One that leads to this node names it.",
    ),
]

Logging = Annotated[
    bool,
    typer.Option(
        "-l",
        "--logging",
        envvar="LASTWORD_LOGGING",
        help="Log each request and which members answer; without it only warnings and "
        "errors. Each request then costs the writing of a line.",
    ),
]

ReplicationDelay = Annotated[
    float,
    typer.Option(
        "-r",
        "--replication-delay",
        "--replicationdelay",
        metavar="SECONDS",
        envvar="LASTWORD_REPLICATION_DELAY",
        help="Between two rounds of replication. Less shows writes elsewhere sooner; "
        "more costs fewer messages: about 6 a round and node.",
    ),
]

FullReplicationDelay = Annotated[
    float,
    typer.Option(
        "-f",
        "--full-replication-delay",
        "--fullreplicationdelay",
        metavar="SECONDS",
        envvar="LASTWORD_FULL_REPLICATION_DELAY",
        help="Between two full comparisons with one member, the safety net. Less finds what "
        "was lost sooner; where both sides agree it costs one small exchange.",
    ),
]

Grace = Annotated[
    str,
    typer.Option(
        metavar="PERIOD",
        envvar="LASTWORD_GRACE",
        help="How long a tombstone is held at least: 90s, 12h, 7d. Less frees space sooner; a "
        "member that is away for longer, while it is unlisted, begins afresh.",
    ),
]

CollectEvery = Annotated[
    str,
    typer.Option(
        metavar="PERIOD",
        envvar="LASTWORD_COLLECT_EVERY",
        help="Between two collections of tombstones, at the same wall times on all nodes. Give "
        "all nodes the same: else they compare what only one has collected.",
    ),
]

LapseAfter = Annotated[
    str,
    typer.Option(
        metavar="PERIOD",
        envvar="LASTWORD_LAPSE_AFTER",
        help="A member that was silent for so long is unlisted by a majority, and collection "
        "waits for it no longer. Back, it begins afresh, and its writes are offered.",
    ),
]

ScrubEvery = Annotated[
    str,
    typer.Option(
        metavar="PERIOD",
        envvar="LASTWORD_SCRUB_EVERY",
        help="Between two scrubs, which look for damage in the whole file; one is begun at the "
        "start; 0 is never. It takes a twentieth of a core, five minutes for a million elements.",
    ),
]

Host = Annotated[
    str,
    typer.Option(
        envvar="LASTWORD_HOST",
        help="The address to listen on. A wider one is reached by more machines, so anything "
        "but loopback needs a cluster secret and tokens, or --insecure.",
    ),
]

Advertise = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        envvar="LASTWORD_ADVERTISE",
        help="The address under which other nodes reach this one, if it is not the one it "
        "listens on.",
    ),
]

Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure",
        envvar="LASTWORD_INSECURE",
        help="Listen beyond loopback, where whoever reaches the port may read and write.",
    ),
]

ClusterSecretFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="LASTWORD_CLUSTER_SECRET_FILE",
        help="A file with the secret that all nodes of the cluster have, and nobody else: nodes "
        "then prove themselves to each other by it. SIGHUP reads it anew.",
    ),
]

AdminTokenFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="LASTWORD_ADMIN_TOKEN_FILE",
        help="Take calls only with a token: with one in this file all of them, with others what "
        "lastword token create granted. Needs --cluster-secret-file. SIGHUP reads it anew.",
    ),
]

AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        envvar="LASTWORD_ALLOW_HOST",
        help="A name with a dot that this node is called by, beside those of --advertise and "
        "--host; repeatable. Writes by other such names are refused.",
    ),
]

TlsCert = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="LASTWORD_TLS_CERT",
        help="Speak TLS only, over REST, the Redis protocol and between nodes, by this "
        "certificate (PEM, with those between it and the CA). SIGHUP reads it anew.",
    ),
]

TlsKey = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="LASTWORD_TLS_KEY",
        help="The certificate's private key (PEM, without a passphrase).",
    ),
]

TlsCa = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="LASTWORD_TLS_CA",
        help="The CAs that certificates of other nodes are believed by (PEM). Default: the "
        "system's.",
    ),
]

Walks = Annotated[
    bool,
    typer.Option(
        "--walks/--no-walks",
        envvar="LASTWORD_WALKS",
        hidden=True,
        help="Partial replication. Without it nodes only compare: for tests of just that.",
    ),
]

CacheMb = Annotated[
    int,
    typer.Option(
        "--cache-mb",
        metavar="MB",
        envvar="LASTWORD_CACHE_MB",
        help="Memory for caches: half for sets that are read often, held whole, half for pages "
        "of the file. A million short elements take about 120 MB.",
    ),
]

RedisPort = Annotated[
    int | None,
    typer.Option(
        envvar="LASTWORD_REDIS_PORT",
        help="Speak the Redis protocol (RESP2 and RESP3) on this TCP port, too; 0 takes a free "
        "one. Without it no port is opened for it.",
    ),
]

AllowFlush = Annotated[
    bool,
    typer.Option(
        "--allow-flush",
        envvar="LASTWORD_ALLOW_FLUSH",
        help="Let Redis clients call FLUSHDB and FLUSHALL, which empty every set on all nodes.",
    ),
]
