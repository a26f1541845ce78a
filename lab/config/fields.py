"""What type a setting has, by its dotted path, over all members of every union."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel


def types_of(model: type[BaseModel], path: str) -> set[type]:
    """The types that the setting may have; empty where there is no such setting."""
    here: set[Any] = {model}
    for part in path.split("."):
        fields = [m.model_fields.get(part) for m in here if _is_model(m)]
        here = {kind for field in fields if field for kind in _leaves(field.annotation)}
    return {kind for kind in here if isinstance(kind, type)}


def is_integer(model: type[BaseModel], path: str) -> bool:
    kinds = types_of(model, path)
    return int in kinds and float not in kinds


def is_number(model: type[BaseModel], path: str) -> bool:
    return bool({int, float} & types_of(model, path))


def number_paths(model: type[BaseModel]) -> list[str]:
    """The dotted paths of all numbers."""
    return [path for path, kinds in _fields(model, "") if {int, float} & kinds]


def setting_paths(model: type[BaseModel]) -> list[str]:
    """The dotted paths of all that is no section of its own."""
    return [path for path, kinds in _fields(model, "") if not any(map(_is_model, kinds))]


def _fields(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, set[Any]]]:
    """Each path of a model once, with the types of its value."""
    found: dict[str, set[Any]] = {}
    for name, field in model.model_fields.items():
        kinds = _leaves(field.annotation)
        found.setdefault(prefix + name, set()).update(kinds)
        for kind in sorted(filter(_is_model, kinds), key=lambda m: m.__name__):
            for path, inner in _fields(kind, f"{prefix}{name}."):
                found.setdefault(path, set()).update(inner)
    yield from found.items()


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _leaves(annotation: Any) -> set[Any]:
    """The members of a union; a literal counts by its type, `tuple[float, ...]` as a tuple."""
    kind, args = get_origin(annotation), get_args(annotation)
    if kind is Annotated:
        return _leaves(args[0])
    if kind is Union or kind is UnionType:
        return {leaf for arg in args for leaf in _leaves(arg)}
    if kind is Literal:
        return {type(value) for value in args}
    return {kind or annotation}
