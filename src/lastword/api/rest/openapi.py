"""The OpenAPI 3.1 document, made of the very routes that are served (spec.openapis.org, 3.1.1)."""

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from lastword.access.rights import Need
from lastword.api.http.answers import Refusal
from lastword.api.paths import SET_NAME_SCHEMA
from lastword.api.rest.routes import JSON_TYPE, MSGPACK_TYPE, Body, Call, Given, Route
from lastword.errors import (
    BodyTooLarge,
    CorruptStore,
    DiskFailed,
    Forbidden,
    ForeignHost,
    ForeignOrigin,
    HeadersTooLarge,
    InvalidElement,
    InvalidRequest,
    InvalidSetName,
    LastwordError,
    RequestTimeout,
    TargetTooLong,
    TooManyFailures,
    Unauthenticated,
    Unavailable,
    UnknownMediaType,
    UnknownPath,
    http_status,
)
from lastword.limits import TARGET_BYTES_MAX

Kinds = tuple[type[LastwordError], ...]

EVERYWHERE: Final[Kinds] = (
    ForeignHost,
    InvalidRequest,
    RequestTimeout,
    TargetTooLong,
    HeadersTooLarge,
    LastwordError,
    Unavailable,
    CorruptStore,
)
"""Errors that any request may meet."""

OF_WRITES: Final[Kinds] = (ForeignOrigin, DiskFailed)
OF_TOKENS: Final[Kinds] = (Unauthenticated, Forbidden, TooManyFailures)
OF_BODIES: Final[Kinds] = (BodyTooLarge, UnknownMediaType)

NAME_ERRORS: Final[Kinds] = (InvalidSetName, UnknownPath, InvalidElement)
ALLOWED: Final = (Given(204, "in Allow", None, ("Allow",)),)

HEADERS: Final[dict[str, Any]] = {
    "ETag": {"description": "the digest sums of what is shown", "schema": {"type": "string"}},
    "Vary": {"description": "Accept", "schema": {"type": "string"}},
    "Lastword-Time": {
        "description": "the time that the write got, the smallest of several",
        "schema": {"type": "integer"},
    },
    "Lastword-Bytes": {
        "description": "how long the file is, in bytes",
        "schema": {"type": "integer"},
    },
    "Location": {"description": "where the page is", "schema": {"type": "string"}},
    "Allow": {"description": "the methods that are taken", "schema": {"type": "string"}},
}

SCHEMES: Final[dict[str, Any]] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "on a node that was started with --admin-token-file; docs/TOKENS.md",
    }
}

PATH_PARAMETERS: Final[dict[str, Any]] = {
    "set": {
        "description": "1 to 255 bytes of UTF-8 without '/', not beginning with '_'; or _peers_ "
        "or _tokens_",
        "schema": {"type": "string"} | SET_NAME_SCHEMA,
    },
    "file": {
        "description": "the name of a file of the page",
        "schema": {"type": "string", "pattern": r"^\w+\.\w+$"},
    },
    "element": {
        "description": "all of the rest of the path, percent-decoded to bytes; it may hold '/'. "
        "A path with its query has at most 32 KiB as it is sent",
        "schema": {"type": "string", "maxLength": TARGET_BYTES_MAX},
    },
}


def document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """Return the document of `routes`."""
    writer = _Writer()
    paths = {route.path: writer.path(route) for route in routes}
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "lastword",
            "version": version,
            "summary": "a replicated store of sets",
            "description": "Elements are bytes; in JSON those that are no text stand in Base64 "
            "beside the others. Times are microseconds since 1970. msgpack is answered to who "
            "names it in Accept. docs/REFERENCE.md says more of each call.",
        },
        "paths": paths,
        "components": {"schemas": writer.schemas, "securitySchemes": SCHEMES},
    }


class _Writer:
    """Writes paths, and gathers the schemas that they refer to."""

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}
        self._made: dict[int, dict[str, Any]] = {}

    def path(self, route: Route) -> dict[str, Any]:
        """Return the item of a path: one operation for each method that is taken."""
        item: dict[str, Any] = {}
        names = re.findall(r"\{(\w+)\}", route.path)
        if names:
            item["parameters"] = [
                {"name": name, "in": "path", "required": True} | PATH_PARAMETERS[name]
                for name in names
            ]
        for method, call in route.calls.items():
            item[method.lower()] = self._operation(route, method, call)
        if "get" in item:
            item["head"] = self._head(route, item["get"])
        item["options"] = {
            "operationId": _id("options", route),
            "summary": "the methods that are taken",
            "responses": self._responses(ALLOWED, (*EVERYWHERE, *_errors_of_path(route)), Refusal),
        }
        return item

    def _operation(self, route: Route, method: str, call: Call) -> dict[str, Any]:
        operation: dict[str, Any] = {
            "operationId": _id(method, route),
            "summary": call.summary,
            "responses": self._responses(call.gives, _errors(method, call), call.refusal),
        }
        if call.queries:
            operation["parameters"] = [
                {
                    "name": query.name,
                    "in": "query",
                    "description": query.text,
                    "schema": self._schema(query.schema),
                }
                for query in call.queries
            ]
        if call.need is not Need.NOTHING:
            operation["security"] = [{"token": []}, {}]
        if call.takes is not None:
            operation["requestBody"] = {
                "description": call.takes.text,
                "required": call.takes.required,
                "content": self._content(call.takes),
            }
        return operation

    @staticmethod
    def _head(route: Route, get: dict[str, Any]) -> dict[str, Any]:
        """Return what HEAD does: the same, without bodies."""
        bare = {
            status: {name: value for name, value in answer.items() if name != "content"}
            for status, answer in get["responses"].items()
        }
        return get | {"operationId": _id("head", route), "responses": bare}

    def _responses(self, gives: Iterable[Given], errors: Kinds, refusal: Any) -> dict[str, Any]:
        responses = {str(given.status): self._given(given) for given in gives}
        for status, kinds in _by_status(errors).items():
            said = ", ".join(f"`{kind.code}`" for kind in kinds)
            met = responses.setdefault(status, {"description": "", "content": {}})
            met["description"] = "; ".join(filter(None, (met["description"], said)))
            for media in (JSON_TYPE, MSGPACK_TYPE):
                _add(met["content"], media, self._schema(refusal))
        return dict(sorted(responses.items()))

    def _given(self, given: Given) -> dict[str, Any]:
        answer: dict[str, Any] = {"description": given.text}
        if given.headers:
            answer["headers"] = _headers(given.headers)
        if given.body is not None:
            answer["content"] = self._content(given.body)
        return answer

    def _content(self, body: Body) -> dict[str, Any]:
        return {media: {"schema": self._schema(kind)} for media, kind in body.types.items()}

    def _schema(self, kind: Any) -> dict[str, Any]:
        """Return the schema of a type, made once for each: the routes keep them all alive."""
        made = self._made.get(id(kind))
        if made is None:
            made = self._made[id(kind)] = self._make(kind)
        return made

    def _make(self, kind: Any) -> dict[str, Any]:
        if isinstance(kind, tuple):
            return {"anyOf": [self._schema(one) for one in kind]}
        (schema,), components = msgspec.json.schema_components(
            (kind,), ref_template="#/components/schemas/{name}"
        )
        self.schemas |= components
        return schema


def _errors_of_path(route: Route) -> Kinds:
    """Return what is met by a path that may name no set, or no file."""
    if "{file}" in route.path:
        return (UnknownPath,)
    return NAME_ERRORS if "{set}" in route.path else ()


def _errors(method: str, call: Call) -> Kinds:
    return (
        *EVERYWHERE,
        *(() if method == "GET" else OF_WRITES),
        *(() if call.need is Need.NOTHING else OF_TOKENS),
        *(() if call.takes is None else OF_BODIES),
        *call.errors,
    )


def _by_status(kinds: Kinds) -> dict[str, list[type[LastwordError]]]:
    found: dict[str, list[type[LastwordError]]] = {}
    for kind in kinds:
        status = 500 if kind is LastwordError else http_status(kind(""))
        found.setdefault(str(status), []).append(kind)
    return found


def _add(content: dict[str, Any], media: str, schema: dict[str, Any]) -> None:
    """Let a body of `media` be what `schema` says, or what it was said to be."""
    given = content.get(media)
    content[media] = {"schema": {"anyOf": [given["schema"], schema]} if given else schema}


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: HEADERS[name] for name in names}


def _id(method: str, route: Route) -> str:
    words = re.findall(r"[a-z]+", route.path) or ["root" if route.path == "/" else "page"]
    return method.lower() + "".join(word.capitalize() for word in words)
