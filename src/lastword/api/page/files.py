"""The files of the page, as they are sent: each with its type, its tag, and what it may do."""

from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Final, NamedTuple

PAGE_PATH: Final = "/_/"
FILES_PATH: Final = "/_/page/"
INDEX: Final = "index.html"

POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    b"img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'; trusted-types 'none'"
)
"""What a browser lets the page do: run its own files, call its own node, and no more (W3C, Content
Security Policy 3). Nothing of it may make text into markup (Trusted Types): an element that is a
script stays text even if the page had a fault."""

TYPES: Final = {
    "css": b"text/css; charset=utf-8",
    "html": b"text/html; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
}
TAG_DIGITS: Final = 32


class File(NamedTuple):
    """A file: what it holds, what that is, and the tag that tells its versions apart."""

    body: bytes
    content_type: bytes
    tag: bytes


def page_files() -> Mapping[bytes, File]:
    """Return the files by the paths that they are served at; reads them all."""
    found = {}
    for entry in files(__package__).iterdir():
        content_type = TYPES.get(entry.name.rpartition(".")[2])
        if content_type is not None:
            path = PAGE_PATH if entry.name == INDEX else FILES_PATH + entry.name
            body = entry.read_bytes()
            tag = b'"%b"' % sha256(body).hexdigest()[:TAG_DIGITS].encode()
            found[path.encode()] = File(body, content_type, tag)
    return found
