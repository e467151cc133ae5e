"""Lists of elements as JSON has them: texts, and beside them in Base64 what is none."""

from base64 import b64encode
from collections.abc import Iterable


def named_lists(name: str, elements: Iterable[bytes]) -> dict[str, list[str]]:
    """Return the list `name` of elements that are text, and `nameBase64` of the others."""
    texts: list[str] = []
    others: list[str] = []
    for element in elements:
        try:
            texts.append(element.decode())
        except UnicodeDecodeError:
            others.append(b64encode(element).decode())
    return {name: texts, f"{name}Base64": others}
