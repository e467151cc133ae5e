"""The names of headings, as links to them are written in the documents: those of GitHub."""

import re
from typing import Final

_LEFT_OUT: Final = re.compile(r"[^\w\- ]")


def slug(heading: str, separator: str) -> str:
    """Return the name of a heading: lower case, no punctuation, and `separator` for each space."""
    return _LEFT_OUT.sub("", heading.strip().lower()).replace(" ", separator)
