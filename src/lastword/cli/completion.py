"""What a shell offers on TAB: names of sets, where a node answers quickly."""

from pathlib import Path
from typing import Any, Final

import typer

from lastword.cli.addresses import DEFAULT
from lastword.cli.reach import Reach
from lastword.client.client import Client
from lastword.client.listing import sets_page
from lastword.errors import LastwordError

PATIENCE_S: Final = 0.5
"""Who pressed TAB waits no longer; then nothing is offered."""


def set_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of sets that begin as what is typed: a page of them, or none."""
    try:
        reach = _reach(context.find_root().params)
        addresses = context.params.get("addresses") or [DEFAULT]
        with Client(
            *addresses,
            tls=reach.tls or False,
            token=reach.token,
            timeout_s=PATIENCE_S,
            retries=0,
        ) as client:
            page = client.run(sets_page(client.caller, "", incomplete))
    except LastwordError:
        return []
    return [one.name for one in page.sets if one.present and one.name.isprintable()]


def _reach(options: dict[str, Any]) -> Reach:
    files = {name: options.get(name) for name in ("tls_ca", "token_file")}
    paths = {name: None if given is None else Path(given) for name, given in files.items()}
    return Reach.of(tls=bool(options.get("tls")), cluster_secret_file=None, **paths)
