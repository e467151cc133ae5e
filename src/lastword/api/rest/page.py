"""The calls that serve the page: `/_/`, and the files that it is made of."""

from typing import Final

from lastword.access.rights import Need
from lastword.api.http.messages import Request, Response
from lastword.api.page.files import FILES_PATH, PAGE_PATH, POLICY, TYPES, page_files
from lastword.api.rest.queries import check_no_query
from lastword.api.rest.routes import Body, Call, Given, Handler, Route
from lastword.errors import UnknownPath

GUARDS: Final = (
    (b"Content-Security-Policy", POLICY),
    (b"Cross-Origin-Opener-Policy", b"same-origin"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
    (b"Referrer-Policy", b"no-referrer"),
)
"""Beside the policy: windows of other sites get no hold of the page, and learn nothing of it."""


class Page:
    """Answers with the page's files, which are read once, when this is made."""

    def __init__(self) -> None:
        self._files = page_files()
        index = _call(self._get, "the page of this node, for a browser", "html")
        file = _call(self._get, "what the page is made of", "css", "js", "svg")
        self.index = Route(PAGE_PATH, {"GET": index})
        self.file = Route(FILES_PATH + "{file}", {"GET": file})

    def routes(self) -> dict[bytes, Route]:
        """Return the route of each path."""
        index = PAGE_PATH.encode()
        return {path: self.index if path == index else self.file for path in self._files}

    def _get(self, request: Request) -> Response:
        check_no_query(request)
        file = self._files[request.path]
        headers = ((b"ETag", file.tag), *GUARDS)
        if file.tag in request.headers.get(b"if-none-match", b""):
            return Response(304, headers=headers, may_be_kept=True)
        return Response(200, file.body, file.content_type, headers, may_be_kept=True)


def sends_there(request: Request) -> bool:
    """Return whether who asks for the root is a browser, which asks for HTML before all else."""
    first = request.headers.get(b"accept", b"").partition(b",")[0]
    return first.partition(b";")[0].strip().lower() == b"text/html"


def _call(answer: Handler, summary: str, *kinds: str) -> Call:
    types = {TYPES[kind].partition(b";")[0].decode(): str for kind in kinds}
    given = Given(200, "a file", Body("text", types), ("ETag",))
    kept = Given(304, "it is what If-None-Match names", None, ("ETag",))
    return Call(answer, summary, (given, kept), Need.NOTHING, errors=(UnknownPath,))
