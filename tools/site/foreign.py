"""Whether a built site fetches anything from elsewhere: `python -m tools.site.foreign FOLDER`."""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

FETCHED: Final = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "object": ("data",),
    "embed": ("src",),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
}
"""Attributes that a browser follows without being asked."""

FOLLOWED_RELATIONS: Final = frozenset(
    {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload"}
)
_FOREIGN: Final = re.compile(r"^\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_IN_STYLES: Final = re.compile(r"(?:url\(|@import)\s*[\"']?([^\"')\s]+)", re.IGNORECASE)


class _Fetches(HTMLParser):
    """Gathers what a page makes its reader's browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        names = FETCHED.get(tag, ())
        if tag == "link" and FOLLOWED_RELATIONS & set(given.get("rel", "").split()):
            names = ("href",)
        self.found += [given[name] for name in names if name in given]
        self.found += _IN_STYLES.findall(given.get("style", ""))

    def handle_data(self, data: str) -> None:
        if self.lasttag == "style":
            self.found += _IN_STYLES.findall(data)


def foreign_fetches(folder: Path) -> Iterator[str]:
    """Yield each file of a site, with the foreign address that it makes a browser fetch."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".html", ".css", ".svg"}:
            for address in _fetched(path):
                if _FOREIGN.match(address):
                    yield f"{path.relative_to(folder)}: {address}"


def _fetched(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".css":
        return _IN_STYLES.findall(text)
    page = _Fetches()
    page.feed(text)
    return page.found


def main() -> None:
    """Name what is fetched from elsewhere; exit code 1 where there is any."""
    found = list(foreign_fetches(Path(sys.argv[1])))
    print("\n".join(found) or "nothing is fetched from elsewhere")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
