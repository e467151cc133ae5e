"""The OpenAPI document says what the node does, and the node does what it says."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.api.http.raw_http import Answer
from tests.api.living_node import LivingNode

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY")
BODIES = {
    "/_/bulk": b'{"set":"s","add":["a"]}',
    "/_/peer": b"no frame",
    "/_/rejoin": b'{"address":"a:1"}',
    "/_/rebuild": b"{}",
    "/_/contains": b'{"set":"s","members":["a"]}',
    "/_/entries": b'{"set":"s","positions":["00000000000000ff"]}',
    "POST /{set}": b'{"lwwAdded":{"a":1}}',
    "PUT /{set}": b'["a"]',
    "PATCH /{set}": b'{"add":["a"]}',
}
WATCHED = {"watch": "", "after": "0"}
WITHOUT_END = ("GET", "/_/watch")
Document = dict[str, Any]


@pytest.fixture
async def document(node: LivingNode) -> Document:
    answer = await node.ask("GET", "/_/openapi.json")
    assert (answer.status, answer.headers[b"content-type"]) == (200, b"application/json")
    found: Document = json.loads(answer.body)
    return found


def placed(path: str) -> str:
    """Return a path with a set, an element and a file in their places."""
    return path.replace("{set}", "s").replace("{element}", "a").replace("{file}", "main.js")


def body_of(method: str, path: str) -> bytes:
    if method in {"GET", "HEAD", "OPTIONS"}:
        return b""
    return BODIES.get(path) or BODIES.get(f"{method} {path}", b"")


async def asked(
    node: LivingNode, method: str, path: str, headers: dict[str, str] | None = None
) -> Answer:
    """Make the call that the document names, of a set and an element."""
    await node.ask("PUT", "/s/a")
    where = placed(path)
    if (method, path) == WITHOUT_END:
        return await begun(node, where, headers)
    return await node.ask(method, where, body_of(method, path), headers)


async def begun(node: LivingNode, where: str, headers: dict[str, str] | None = None) -> Answer:
    """Return the head of an answer that has no end."""
    client = await node.client(node.request("GET", where, headers=headers))
    answer = await client.read_answer(to_head=True)
    client.close()
    return answer


def calls(document: Document) -> list[tuple[str, str, Document]]:
    return [
        (method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    ]


def check_body(document: Document, schema: Document, value: Any) -> None:
    """Verify that a body is as its schema says."""
    whole = schema | {"components": document["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)


@pytest.mark.slow
async def test_it_is_openapi_3_1(document: Document) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


async def test_its_schemas_are_json_schemas_and_all_are_used(document: Document) -> None:
    text = json.dumps(document)
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert f'"#/components/schemas/{name}"' in text


async def test_every_method_that_it_names_is_taken_and_every_other_is_405(
    node: LivingNode, document: Document
) -> None:
    named = {(method, path) for method, path, _ in calls(document)}
    for path in document["paths"]:
        taken = {method for method in METHODS if (method, path) in named}
        options = await asked(node, "OPTIONS", path)
        assert set(options.headers[b"allow"].decode().split(", ")) == taken
        for method in METHODS:
            answer = await asked(node, method, path)
            assert (answer.status != 405) == (method in taken), (method, path)


async def test_every_call_is_answered_by_what_it_names(
    node: LivingNode, document: Document
) -> None:
    for method, path, operation in calls(document):
        for accept in ("*/*", "application/msgpack"):
            answer = await asked(node, method, path, {"Accept": accept})
            named = operation["responses"][str(answer.status)]
            assert {name.lower().encode() for name in named.get("headers", ())} <= (
                answer.headers.keys()
            )
            if not answer.body:
                continue
            media = answer.headers[b"content-type"].partition(b";")[0].decode()
            schema = named["content"][media]["schema"]
            if media == "application/json":
                check_body(document, schema, json.loads(answer.body))


async def test_every_error_is_answered_as_it_is_named(
    node: LivingNode, document: Document
) -> None:
    for method, path, operation in calls(document):
        if method in {"HEAD", "OPTIONS"}:
            continue
        where = placed(path)
        requests: list[tuple[str, bytes, dict[str, str]]] = [(f"{where}?no", b"", {})]
        if method != "GET":
            requests.append((where, b"", {"Origin": "http://elsewhere"}))
        if "requestBody" in operation:
            requests.append((where, b"\xff", {}))
        if "{set}" in path:
            requests.append((where.replace("/s", "/_no"), b"", {}))
        for target, body, headers in requests:
            answer = await node.ask(method, target, body, headers)
            named = operation["responses"][str(answer.status)]
            check_body(
                document, named["content"]["application/json"]["schema"], json.loads(answer.body)
            )
            code = json.loads(answer.body)["error"]["code"]
            assert f"`{code}`" in named["description"], (method, target)


async def test_every_query_that_it_names_is_taken(node: LivingNode, document: Document) -> None:
    values = {"time": "1", "prefix": "a", "after": "0" * 16, "limit": "10", "members": ""}
    values |= {"ghosts": "remove", "explain": "", "max_lag": "1s"}
    await node.ask("PUT", "/s/a")
    for method, path, operation in calls(document):
        named = [each["name"] for each in operation.get("parameters", ())]
        if "count" in named:  # it stands alone
            named.remove("count")
            assert (await node.ask(method, "/s?count")).status in {200, 404}
        if not named:
            continue
        where = placed(path)
        if "watch" in named or (method, path) == WITHOUT_END:
            watched = [f"{name}={WATCHED[name]}" for name in named if name in WATCHED]
            assert (await begun(node, f"{where}?{'&'.join(watched)}")).status == 200
        if path == "/_/watch":
            continue
        asked_for = {name: values[name] for name in named if name != "watch"}
        query = "&".join(f"{name}={value}" if value else name for name, value in asked_for.items())
        answer = await node.ask(method, f"{where}?{query}", body_of(method, path))
        assert answer.status in {200, 404}, (method, where, query, answer)


async def test_every_body_is_taken_in_the_types_that_it_names(
    node: LivingNode, document: Document
) -> None:
    packed = {
        "/_/bulk": [{"set": "s", "add": [b"a"]}],
        "/_/rejoin": {"address": "a:1"},
        "/_/rebuild": {},
        "/_/contains": {"set": "s", "members": [b"a"]},
        "/_/entries": {"set": "s", "positions": ["00000000000000ff"]},
        "POST /{set}": {"lwwAdded": {b"a": 1}},
        "PUT /{set}": [b"a"],
        "PATCH /{set}": {"add": [b"a"]},
    }
    for method, path, operation in calls(document):
        for media in operation.get("requestBody", {}).get("content", ()):
            if path == "/_/peer":
                continue  # frames are another protocol's
            body = body_of(method, path)
            if media == "application/msgpack":
                body = msgspec.msgpack.encode(packed.get(path, packed.get(f"{method} {path}")))
            where = path.replace("{set}", "s")
            answer = await node.ask(method, where, body, {"Content-Type": media})
            alone = path in {"/_/rejoin", "/_/rebuild"}  # there is nobody to copy
            assert answer.status == (409 if alone else 200), (method, path, media)


async def test_each_operation_has_an_id_of_its_own(document: Document) -> None:
    ids = [operation["operationId"] for _, _, operation in calls(document)]
    assert len(set(ids)) == len(ids)


async def test_the_reference_has_a_heading_for_every_call_and_no_other(node: LivingNode) -> None:
    reference = Path(__file__).parents[2] / "docs" / "REFERENCE.md"
    headings = re.findall(r"^### `([A-Z]+ /.*)`$", reference.read_text(), re.MULTILINE)
    assert set(headings) == {
        re.sub(r"\{(\w+)\}", r"<\1>", f"{method} {route.path}")
        for route in node.rest.routes
        for method in route.calls
    }


async def test_a_bulk_request_that_stopped_is_described_with_its_lines(document: Document) -> None:
    answers = document["paths"]["/_/bulk"]["post"]["responses"]
    for status in ("400", "404", "422", "507"):
        schema = answers[status]["content"]["application/json"]["schema"]
        assert {"$ref": "#/components/schemas/Stopped"} in schema["anyOf"]
    assert "lines" in document["components"]["schemas"]["Stopped"]["required"]
