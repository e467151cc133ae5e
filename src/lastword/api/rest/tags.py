"""ETags: the digest sums of a set, and whether a client has them already (RFC 9110, 13.1.2).

Sums are added up with each write, so a tag is there before anything is read. They are read before
the rows are: an answer may be newer than its tag, which costs a client one more download, and
never older, which would cost it the truth. No factor of a sum can be told from a sum.
"""

from typing import Final

from lastword.api.http.forms import Form
from lastword.api.http.messages import Request, Response
from lastword.replication.hashing import Sums

VARY: Final = (b"Vary", b"Accept")


def tag_of(sums: Sums, what: bytes, form: Form) -> bytes:
    """Return the tag of `what` a set with these sums is shown as, in this form."""
    kind = b"msgpack" if form.is_msgpack else b"json"
    return b'"%016x%016x.%b.%b"' % (*sums, what, kind)


def unchanged(request: Request, tag: bytes) -> Response | None:
    """Return the 304 for who has this already, or None."""
    known = request.headers.get(b"if-none-match")
    # A tag has its quotes and no others within, so it stands in a list or does not.
    if known is None or (known.strip() != b"*" and tag not in known):
        return None
    return Response(304, headers=tag_headers(tag))


def tag_headers(tag: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers of an answer with a tag."""
    return ((b"ETag", tag), VARY)
