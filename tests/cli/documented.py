"""The shapes of JSON as docs/REFERENCE.md has them, and the exit codes."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

REFERENCE = Path(__file__).parent.parent.parent / "docs" / "REFERENCE.md"

_SHAPE = re.compile(
    r"^#### JSON of `([^`]+)`([^\n]*)\n.*?```json\n(.*?)```", re.MULTILINE | re.DOTALL
)


@cache
def schemas() -> dict[str, dict[str, Any]]:
    """Return the documented schema of each command's JSON."""
    found = _SHAPE.findall(REFERENCE.read_text())
    return {name + more: json.loads(text) for name, more, text in found}


def holds(name: str, objects: list[Any]) -> None:
    """Check that there are objects, and that each has the documented shape and no more."""
    assert objects, "there is nothing to check"
    schema = schemas()[name]
    assert schema["additionalProperties"] is False
    validator = Draft202012Validator(schema)
    for found in objects:
        validator.validate(found)
