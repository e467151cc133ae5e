"""The command `lastword`. Errors of ours end it with one clear line and their exit code."""

import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from lastword.cli import monkey, token
from lastword.cli.backup import backup
from lastword.cli.bundles import export, import_
from lastword.cli.certs import certs
from lastword.cli.check import check
from lastword.cli.commands import NOT_USED_RIGHT, USAGE, Commands, markup, say_usage, unwrapped
from lastword.cli.doctor import doctor
from lastword.cli.explain import explain
from lastword.cli.members import lapse, leave, rejoin
from lastword.cli.peers import peers
from lastword.cli.reach import Reach, said
from lastword.cli.reading import get, members, sets
from lastword.cli.rebuild import rebuild, scrub
from lastword.cli.serve import serve
from lastword.cli.simulate import simulate
from lastword.cli.tombstones import tombstones
from lastword.cli.verify import verify
from lastword.cli.watch import watch
from lastword.cli.writing import add, remove
from lastword.errors import LastwordError, exit_code

FIRST_STEPS: Final = """\
lastword {version}: a leaderless, replicated store of sets.
Every node takes writes, every copy agrees.

  lastword serve                   run a node here
  lastword add fruit apple pear    put elements into a set (in another terminal)
  lastword members fruit           see them

lastword --help names every command, and lastword COMMAND --help explains one."""

SERVE, DATA, MEMBERS, OPERATIONS, TRIALS = "Serve", "Data", "Members", "Operations", "Trials"

app = typer.Typer(
    name="lastword",
    cls=Commands,
    help="A leaderless, replicated store of sets: every node takes writes, every copy agrees.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=markup(),
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Shown(NamedTuple):
    """A command as the help shows it."""

    run: Callable[..., None]
    what: str
    example: str
    name: str | None = None


COMMANDS: Final[dict[str, tuple[Shown, ...]]] = {
    SERVE: (Shown(serve, "Run a node.", "lastword serve -d fruit.db"),),
    DATA: (
        Shown(get, "Say whether an element is in a set.", "lastword get fruit apple"),
        Shown(add, "Add elements to a set.", "lastword add fruit apple pear"),
        Shown(remove, "Remove elements from a set.", "lastword remove fruit < gone.txt"),
        Shown(members, "List what is in a set.", "lastword members fruit --prefix a"),
        Shown(sets, "List the sets.", "lastword sets --json"),
        Shown(watch, "Print what changes, as it comes.", "lastword watch fruit"),
        Shown(export, "Write sets into a bundle.", "lastword export fruit -o fruit.bundle"),
        Shown(import_, "Merge a bundle into a node.", "lastword import fruit.bundle", "import"),
    ),
    MEMBERS: (
        Shown(peers, "List the members, and how they stand.", "lastword peers"),
        Shown(leave, "Let a node hand over and be unlisted.", "lastword leave -a one:3000"),
        Shown(lapse, "Unlist a member that is gone.", "lastword lapse gone:3000 --yes"),
        Shown(
            rejoin,
            "Let a node that is behind copy another.",
            "lastword rejoin -a one:3000 --from two:3000",
        ),
    ),
    OPERATIONS: (
        Shown(verify, "Compare what all nodes hold.", "lastword verify localhost:3000"),
        Shown(
            explain,
            "Say why an element is as it is.",
            "lastword explain localhost:3000 fruit apple",
        ),
        Shown(doctor, "Examine a node, and say what to do.", "lastword doctor localhost:3000"),
        Shown(
            tombstones,
            "Show what is collected, and who blocks it.",
            "lastword tombstones localhost:3000",
        ),
        Shown(backup, "Write a backup of a node's whole file.", "lastword backup monday.db"),
        Shown(check, "Verify a node's file.", "lastword check -d lastword.db"),
        Shown(scrub, "Look for damage in a node's whole file.", "lastword scrub localhost:3000"),
        Shown(rebuild, "Make a node's file anew.", "lastword rebuild localhost:3000"),
    ),
    TRIALS: (
        Shown(
            certs,
            "Make a small CA and certificates for trials.",
            "lastword certs folder localhost,127.0.0.1",
        ),
        Shown(simulate, "Run simulated clusters under faults.", "lastword simulate --seeds 100"),
    ),
}

EXAMPLES: Final = {
    "create": "lastword token create --read 'team-*' --note 'the shop'",
    "list": "lastword token list",
    "revoke": "lastword token revoke 3f0c6f6f1d2b9a47",
    "normal": "lastword monkey normal -s fruit",
    "onoff": "lastword monkey onoff -s fruit",
    "viewer": "lastword monkey viewer -s fruit",
    "checker": "lastword monkey checker -a one:3000 -a two:3000 --for 60",
}
"""Of the commands that stand in a group of their own."""

for _panel, _commands in COMMANDS.items():
    for _one in _commands:
        app.command(
            _one.name,
            short_help=_one.what,
            help=unwrapped(_one.run.__doc__),
            epilog=f"Example: {_one.example}",
            rich_help_panel=_panel,
        )(_one.run)
for _name, _group, _what, _panel in (
    ("token", token.app, "Make, list and revoke tokens.", OPERATIONS),
    ("monkey", monkey.app, "Load and watch a node.", TRIALS),
):
    for _info in _group.registered_commands:
        _called = str(_info.name or getattr(_info.callback, "__name__", ""))
        _info.help = unwrapped(getattr(_info.callback, "__doc__", ""))
        _info.epilog = f"Example: {EXAMPLES[_called]}"
    app.add_typer(_group, name=_name, short_help=_what, rich_help_panel=_panel)


WITHOUT_NODES: Final = frozenset({"serve", "check", "simulate", "certs"})
"""Commands that call no node; what the environment says is not read for them."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lastword {version('lastword')}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    tls: Annotated[
        bool, typer.Option("--tls", envvar="LASTWORD_TLS", help="Call nodes over TLS.")
    ] = False,
    tls_ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="LASTWORD_TLS_CA",
            help="Call nodes over TLS, and believe certificates by these CAs (PEM).",
        ),
    ] = None,
    cluster_secret_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="LASTWORD_CLUSTER_SECRET_FILE",
            help="The cluster's secret, for commands that compare nodes as nodes do.",
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="LASTWORD_TOKEN_FILE",
            help="A file with the token that nodes are shown.",
        ),
    ] = None,
    _: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=_show_version,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command: how it reaches nodes."""
    if context.invoked_subcommand is None:
        typer.echo(FIRST_STEPS.format(version=version("lastword")))
    elif context.invoked_subcommand not in WITHOUT_NODES:
        said.set(
            Reach.of(
                tls=tls,
                tls_ca=tls_ca,
                cluster_secret_file=cluster_secret_file,
                token_file=token_file,
            )
        )


def run() -> None:
    """Run the command."""
    try:
        code = app(standalone_mode=False)
    except LastwordError as error:
        typer.echo(f"lastword: {error}. {error.hint}", err=True)
        sys.exit(exit_code(error))
    except NOT_USED_RIGHT as error:
        say_usage(error)
        sys.exit(USAGE)
    sys.exit(code)
