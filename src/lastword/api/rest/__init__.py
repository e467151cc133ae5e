"""The REST interface: sets and elements by path, and what a node says of itself under `/_/`.

Reads of one element and writes are answered from the event loop; what may be long runs beside it.
`table.py` has every call, as it is served and as `/_/openapi.json` describes it.
docs/REFERENCE.md lists every call with its answers.
"""

from lastword.api.rest.routes import Answer
from lastword.api.rest.service import Rest

__all__ = ["Answer", "Rest"]
