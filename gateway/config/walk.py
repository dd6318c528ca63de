"""The model of the settings, walked: which unions and paths there are stands in the model, and nowhere else."""

import types
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)


def with_absolute_paths(model: Model, here: Path) -> Model:
    """Return the model with every path in it, however deep, made absolute from `here`."""
    return model.model_copy(update={name: _absolute(value, here) for name, value in model})


def key_of(model: type[BaseModel], location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return where a problem is, in the words of the settings.

    pydantic adds to a location which member of a union it tried, e.g. `("object_store", "s3", "bucket")`.
    """
    key: list[int | str] = []
    annotation: Any = model
    for part in location:
        annotation = _bare(annotation)
        if _is_union(annotation):
            annotation = _member(annotation, part)
        else:
            key.append(part)
            annotation = _below(annotation, part)
    return tuple(key)


def _absolute(value: Any, here: Path) -> Any:
    if isinstance(value, Path):
        return here / value
    if isinstance(value, BaseModel):
        return with_absolute_paths(value, here)
    return tuple(_absolute(each, here) for each in value) if isinstance(value, tuple) else value


def _below(annotation: Any, part: int | str) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        return field.annotation if field else None
    return next(iter(get_args(annotation)), None) if get_origin(annotation) is tuple else None


def _member(union: Any, tag: int | str) -> Any:
    """The member of a union that pydantic means by `tag`: by its `kind`, where it is one of models."""
    models = [each for each in map(_bare, get_args(union)) if isinstance(each, type) and issubclass(each, BaseModel)]
    return next((model for model in models if tag in get_args(model.model_fields["kind"].annotation)), None)


def _is_union(annotation: Any) -> bool:
    """Of several members; one that is only optional is not told apart."""
    members = [each for each in get_args(annotation) if each is not type(None)]
    return get_origin(annotation) in {Union, types.UnionType} and len(members) > 1


def _bare(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    members = [each for each in get_args(annotation) if each is not type(None)]
    is_optional = get_origin(annotation) in {Union, types.UnionType} and len(members) == 1
    return _bare(members[0]) if is_optional else annotation
