"""The HTTP server: one small asyncio protocol over httptools, that knows nothing of sets.

It owes its handler whole, well-formed requests with their raw bytes, and its clients answers in
order. It owes the node bounded memory, bounded waiting, and an end that leaves nothing running.
"""

from lastword.api.http.answers import error_response
from lastword.api.http.limits import HttpLimits
from lastword.api.http.messages import Handler, Request, Response
from lastword.api.http.server import HttpServer

__all__ = ["Handler", "HttpLimits", "HttpServer", "Request", "Response", "error_response"]
