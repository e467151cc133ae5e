"""The list of sets, by pages."""

from urllib.parse import quote

from lastword.client.answers import Answer, SetsPage
from lastword.client.caller import Caller, Steps
from lastword.client.requests import PAGE_BYTES_MAX, Request


def sets_page(caller: Caller, after: str, prefix: str) -> Steps[SetsPage]:
    """Return the page behind `after` of the sets that begin with `prefix`."""
    wanted = {"prefix": prefix, "after": after}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in wanted.items() if value)
    request = Request("GET", "/_/sets", query, bytes_max=PAGE_BYTES_MAX)

    def read(answer: Answer) -> SetsPage:
        page = answer.sets()
        if page.after is not None and page.after <= after:
            raise answer.no_node("no end of its sets")
        return page

    return (yield from caller.call(request, read))
