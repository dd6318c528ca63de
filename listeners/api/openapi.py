"""The OpenAPI document, with the bodies that we read ourselves, to say more of what is wrong than a framework does."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from listeners.api.own_origin import CHANGE_NOTHING
from listeners.api.problems import Problem, described

_REF = "#/components/schemas/{model}"


def json_body(model: type[BaseModel], examples: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the body of a route, for its `openapi_extra`, with an example by each title."""
    schema = {"$ref": _REF.format(model=model.__name__)}
    shown = {title.replace(" ", "-"): {"summary": title, "value": value} for title, value in examples.items()}
    content = {"application/json": {"schema": schema, "examples": shown}}
    return {"requestBody": {"required": True, "content": content}}


def describe(app: FastAPI, *models: type[BaseModel]) -> None:
    """Put these models, and that of a problem, into the document, since no route takes them as a parameter."""
    document = app.openapi()
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    every: tuple[type[BaseModel], ...] = (Problem, *models)
    for model in every:
        schema = model.model_json_schema(ref_template=_REF)
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    for method, operation in (each for path in document["paths"].values() for each in path.items()):
        if _is_of_the_framework(operation["responses"].get("422", {})):
            del operation["responses"]["422"]  # parameters that can't be bound are answered with 400
        if method.upper() not in CHANGE_NOTHING:
            operation["responses"] |= {str(status): told for status, told in described(403, 415, 421).items()}
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)


def _is_of_the_framework(response: Mapping[str, Any]) -> bool:
    return "HTTPValidationError" in str(response)
