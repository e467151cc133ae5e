"""The command `lastword`. Errors of ours end it with one clear line and their exit code."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

import typer

from lastword.cli import monkey, token
from lastword.cli.backup import backup
from lastword.cli.bundles import export, import_
from lastword.cli.certs import certs
from lastword.cli.check import check
from lastword.cli.doctor import doctor
from lastword.cli.explain import explain
from lastword.cli.members import lapse, leave, rejoin
from lastword.cli.reach import Reach, said
from lastword.cli.rebuild import rebuild, scrub
from lastword.cli.serve import serve
from lastword.cli.simulate import simulate
from lastword.cli.tombstones import tombstones
from lastword.cli.verify import verify
from lastword.errors import LastwordError, exit_code

app = typer.Typer(
    name="lastword",
    help="A leaderless, replicated store of sets: every node takes writes, every copy agrees.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(short_help="Run a node.")(serve)
app.command(short_help="Verify a node's file.")(check)
app.command(short_help="Compare what all nodes hold.")(verify)
app.command(short_help="Say why an element is as it is.")(explain)
app.command(short_help="Examine a node, and say what to do.")(doctor)
app.command(short_help="Write a backup of a node's whole file.")(backup)
app.command(short_help="Write sets of a node into a bundle.")(export)
app.command("import", short_help="Merge a bundle into a node.")(import_)
app.command(short_help="Show what is collected, and who blocks it.")(tombstones)
app.command(short_help="Let a node hand over and be unlisted.")(leave)
app.command(short_help="Unlist a member that is gone.")(lapse)
app.command(short_help="Let a node that is behind copy another.")(rejoin)
app.command(short_help="Look for damage in a node's whole file.")(scrub)
app.command(short_help="Make a node's file anew.")(rebuild)
app.command(short_help="Make a small CA and certificates for trials.")(certs)
app.command(short_help="Run simulated clusters under faults.")(simulate)
app.add_typer(token.app, name="token", short_help="Make, list and revoke tokens.")
app.add_typer(monkey.app, name="monkey", short_help="Load and watch a node.")


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
    if context.invoked_subcommand not in WITHOUT_NODES:
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
        app()
    except LastwordError as error:
        typer.echo(f"lastword: {error}. {error.hint}", err=True)
        sys.exit(exit_code(error))
