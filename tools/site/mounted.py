"""Documents outside of `docs/` as pages of the site, and links between all of them.

A document links to others as files of the repository, so that it can be read there, too. Where
the site has a file elsewhere, links are changed to lead there.
"""

import posixpath
import re
from collections.abc import Collection
from typing import Final

DOCS: Final = "docs/"
MOUNTED: Final = {
    "README.md": "index.md",
    "SECURITY.md": "SECURITY.md",
    "ARCHITECTURE.md": "ARCHITECTURE.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "deploy/README.md": "deploy.md",
}
"""Files of the repository, and the pages that they are."""

_LINK: Final = re.compile(r"(\]\()(?![a-z]+:|#)([^)#\s]+)|(src=\")(?![a-z]+:)([^\"]+)")


def page_of(path: str) -> str:
    """Return the page that a file of the repository is, or would be."""
    return MOUNTED.get(path, path.removeprefix(DOCS))


def file_of(page: str) -> str:
    """Return the file of the repository that a page is made of."""
    for path, mounted in MOUNTED.items():
        if mounted == page:
            return path
    return DOCS + page


def relinked(markdown: str, page: str, files: Collection[str]) -> str:
    """Return a page's text with links as the site needs them.

    `files` are those of the repository that are pages, or shown on them; what leads to another is
    left as it is, for MkDocs to complain of.
    """
    folder = posixpath.dirname(file_of(page))

    def changed(found: re.Match[str]) -> str:
        before, target = (found[1], found[2]) if found[1] else (found[3], found[4])
        path = posixpath.normpath(posixpath.join(folder, target))
        if path not in files:
            return found[0]
        start = posixpath.dirname(page) or "."
        return before + posixpath.relpath(page_of(path), start)

    return _LINK.sub(changed, markdown)
