"""The reference at /docs: every route of the APIs as one plain page, without a script."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, cast

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

Document = Mapping[str, Any]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
}
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
summary { cursor: pointer; padding: .3rem 0; } summary:focus-visible { outline: 2px solid; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { overflow: auto; padding: .6rem; border: 1px solid #8886; border-radius: .4rem; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; }
.m { display: inline-block; min-width: 4.5rem; font-weight: 600; }
"""


def router(documents: Callable[[], Sequence[tuple[str, Document]]]) -> APIRouter:
    """documents: the path below which each API lies, and its OpenAPI document."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/docs")
    def docs() -> HTMLResponse:
        return HTMLResponse("".join(_page(documents())), headers=_HEADERS)

    return routes


def _page(documents: Sequence[tuple[str, Document]]) -> Iterator[str]:
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Snowfox API</title><style>{_STYLE}</style>'
    yield '<meta name="viewport" content="width=device-width"><h1>Snowfox API</h1><ul>'
    for prefix, document in documents:
        yield f'<li><a href="#{_id(prefix)}">{escape(str(document["info"]["title"]))}</a>'
    yield "</ul><main>"
    for prefix, document in documents:
        title = escape(str(document["info"]["title"]))
        yield f'<h2 id="{_id(prefix)}">{title} <small><a href="{_source(prefix)}">OpenAPI</a></small></h2>'
        for path, methods in cast("dict[str, dict[str, Any]]", document["paths"]).items():
            for method, operation in methods.items():
                yield from _operation(f"{prefix}{path}", method, operation, document)
    yield "</main></html>"


def _id(prefix: str) -> str:
    return prefix.strip("/").replace("/", "-") or "api"


def _source(prefix: str) -> str:
    return f"{prefix or '/api/v1'}/openapi.json"


def _operation(path: str, method: str, operation: Document, document: Document) -> Iterator[str]:
    yield f'<details><summary><span class="m">{escape(method.upper())}</span> <code>{escape(path)}</code></summary>'
    yield f"<p>{escape(str(operation.get('description', '')))}</p>"
    for parameter in cast("list[Document]", operation.get("parameters", [])):
        place, name = escape(str(parameter["in"])), escape(str(parameter["name"]))
        yield f"<p><code>{name}</code> ({place}) {_kind(parameter.get('schema', {}))}</p>"
    for media, content in cast("dict[str, Any]", operation.get("requestBody", {}).get("content", {})).items():
        yield f"<p>Body: <code>{escape(media)}</code></p>"
        yield from _fields(content.get("schema", {}), document)
    yield _example(path, method, operation)
    yield "</details>"


def _fields(schema: Document, document: Document) -> Iterator[str]:
    schema = _resolved(schema, document)
    properties = cast("dict[str, Document]", schema.get("properties", {}))
    if not properties:
        return
    yield "<table><tr><th>Field<th>Kind<th>Default<th>What it is</tr>"
    for name, field in properties.items():
        default = escape(str(field["default"])) if "default" in field else ""
        text = " ".join(str(field[key]) for key in ("title", "description") if field.get(key))
        yield f"<tr><td><code>{escape(name)}</code><td>{_kind(field)}<td><code>{default}</code><td>{escape(text)}</tr>"
    yield "</table>"


def _resolved(schema: Document, document: Document) -> Document:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return cast("Document", document.get("components", {}).get("schemas", {}).get(name, {})) if name else schema


def _kind(schema: Document) -> str:
    if "$ref" in schema:
        return escape(str(schema["$ref"]).rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_kind(option) for option in cast("list[Document]", schema["anyOf"]))
    if "enum" in schema:
        return escape(", ".join(map(str, cast("list[Any]", schema["enum"]))))
    if schema.get("type") == "array":
        return f"list of {_kind(cast('Document', schema.get('items', {})))}"
    limits = f" {schema['minimum']:g} to {schema['maximum']:g}" if "minimum" in schema and "maximum" in schema else ""
    return escape(f"{schema.get('type', 'anything')}{limits}")


def _example(path: str, method: str, operation: Document) -> str:
    """A command that can be typed, with capital letters where something has to be put in."""
    place = path.replace("{", "").replace("}", "")
    command = f"curl -s {'' if method == 'get' else f'-X {method.upper()} '}localhost:7860{place}"
    content = cast("dict[str, Any]", operation.get("requestBody", {}).get("content", {}))
    if "application/json" in content:
        command += " -H 'Content-Type: application/json' -d '{}'"
    elif content:
        command += " --data-binary @picture.png"
    return f"<pre>{escape(command)}</pre>"
