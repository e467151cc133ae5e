"""The page of all calls of REST, from the OpenAPI document of a node."""

import json
from collections.abc import Iterator
from typing import Any, Final

INTRODUCTION: Final = """\
# Calls of REST

Made of `GET /_/openapi.json`, which a node makes of the table by which it serves. HEAD goes where
GET does, and OPTIONS everywhere. Refusals have the schema [Refusal](#refusal), and the codes are
those of [errors](errors.md), by their HTTP status.
[REFERENCE.md](../REFERENCE.md#calls) says what the calls mean.
"""

LEFT_OUT: Final = frozenset({"parameters", "head", "options"})
REFUSAL: Final = {"$ref": "#/components/schemas/Refusal"}


def calls_page(document: dict[str, Any]) -> str:
    """Return the page of an OpenAPI document."""
    return "\n".join([INTRODUCTION, *_lines(document), *_schemas(document)]) + "\n"


def _lines(document: dict[str, Any]) -> Iterator[str]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method not in LEFT_OUT:
                yield f"## `{method.upper()} {path}`\n"
                yield f"{_sentence(operation['summary'])}\n"
                yield from _parameters(
                    [*item.get("parameters", ()), *operation.get("parameters", ())]
                )
                yield from _body(operation.get("requestBody"))
                yield from _answers(operation["responses"])


def _parameters(parameters: list[dict[str, Any]]) -> Iterator[str]:
    if parameters:
        yield "| parameter | in | |\n| --- | --- | --- |"
        for one in parameters:
            yield f"| `{one['name']}` | {one['in']} | {_cell(one['description'])} |"
        yield ""


def _body(body: dict[str, Any] | None) -> Iterator[str]:
    if body is not None:
        yield f"Takes {_cell(body['description'])}: {_content(body)}.\n"


def _answers(responses: dict[str, Any]) -> Iterator[str]:
    refusals = {status: answer for status, answer in responses.items() if _is_refusal(answer)}
    yield "| status | says | as |\n| --- | --- | --- |"
    for status, answer in responses.items():
        if status not in refusals:
            yield f"| {status} | {_cell(answer['description'])} | {_content(answer)} |"
    said = ", ".join(f"{status} {answer['description']}" for status, answer in refusals.items())
    yield f"\nRefusals: {_cell(said)}.\n"


def _is_refusal(answer: dict[str, Any]) -> bool:
    """Return whether an answer says no more than an error does."""
    schemas = [content["schema"] for content in answer.get("content", {}).values()]
    return bool(schemas) and all(schema == REFUSAL for schema in schemas)


def _content(holder: dict[str, Any]) -> str:
    return ", ".join(
        f"`{media}`" + _named(content["schema"])
        for media, content in holder.get("content", {}).items()
    )


def _named(schema: dict[str, Any]) -> str:
    """Return a link to the schema, where it has a name."""
    one_of = schema.get("anyOf", [schema])
    names = [one["$ref"].rpartition("/")[2] for one in one_of if "$ref" in one]
    return "".join(f" [{name}](#{name.lower()})" for name in names)


def _schemas(document: dict[str, Any]) -> Iterator[str]:
    yield "## Schemas\n"
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield f"### `{name}` {{ #{name.lower()} }}\n"
        yield f"```json\n{json.dumps(schema, indent=2, ensure_ascii=False)}\n```\n"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
