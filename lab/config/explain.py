"""Validation errors as sentences: the path, the value, the rule, the nearest valid name."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from lab.errors import ConfigError


def explained(error: ValidationError, model: type[BaseModel], *, prefix: str = "") -> list[str]:
    """One line a fault, each `path: what is wrong and what would be right`."""
    return [_line(fault, model, prefix) for fault in error.errors()]


def config_error(source: str, lines: Sequence[str]) -> ConfigError:
    if len(lines) == 1:
        return ConfigError(f"{source}: {lines[0]}")
    return ConfigError(f"{source} has {len(lines)} errors:\n" + "\n".join(f"  {x}" for x in lines))


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """`; did you mean 'rope'?`, or the list of what is valid when nothing is near."""
    names = {name.removesuffix(".yaml"): name for name in valid}  # an ending that says nothing
    word = word.removesuffix(".yaml").removesuffix(".yml")[:100]
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {names[near[0]]!r}?"
    return f"; valid: {', '.join(names.values())}" if names else ""


def _line(fault: ErrorDetails, model: type[BaseModel], prefix: str) -> str:
    path, owner = _locate(fault["loc"], model)
    where = prefix + path
    where = f"{where}: " if where else ""
    value, rules = fault["input"], fault.get("ctx", {})
    match fault["type"]:
        case "extra_forbidden":
            key = path.rsplit(".", 1)[-1]
            valid = [f.alias or name for name, f in owner.model_fields.items()] if owner else ()
            return f"{prefix}{path}: unknown key{did_you_mean(key, valid)}"
        case "missing":
            return f"{where}required, but missing"
        case "union_tag_invalid":
            kinds = [kind.strip(" '") for kind in rules["expected_tags"].split(",")]
            return f"{where}unknown kind {rules['tag']!r}{did_you_mean(rules['tag'], kinds)}"
        case "union_tag_not_found":
            choice = _kinds(owner, path.rsplit(".", 1)[-1]) or "..."
            return f"{where}needs a kind, such as {{kind: {choice}}}; got {shown(value)}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{where}must be a mapping of keys to values; got {shown(value)}"
        case "value_error":
            return where + str(rules["error"])
        case _:
            message = fault["msg"][0].lower() + fault["msg"][1:]
            return f"{where}{message}; got {shown(value)}"


def shown(value: Any) -> str:
    """A value in a sentence, cut short where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _locate(
    loc: tuple[int | str, ...], model: type[BaseModel]
) -> tuple[str, type[BaseModel] | None]:
    """The dotted path as its user wrote it, and the class that owns its last key.

    Pydantic puts the tag of a union's member among the keys; those parts are left out.
    """
    path: list[str] = []
    owner: type[BaseModel] | None = None
    here: list[type[BaseModel]] = [model]
    keyed = False
    for part in loc:
        if isinstance(part, int):  # a place in a list of what is here
            path.append(str(part))
            continue
        tagged = [m for m in here if _tag(m) == part] if len(here) > 1 and not keyed else []
        if tagged:
            here = tagged
            continue
        owner = here[0] if len(here) == 1 and not keyed else None
        path.append(str(part))
        if keyed:  # a key of the user's own
            keyed = False
            continue
        field = _field(owner, str(part)) if owner else None
        here = list(_models_in(field.annotation)) if field else []
        keyed = _is_mapping(field.annotation) if field else False
    return ".".join(path), owner


def _field(owner: type[BaseModel], key: str) -> FieldInfo | None:
    found = owner.model_fields.get(key)
    return found or next((f for f in owner.model_fields.values() if f.alias == key), None)


def _kinds(owner: type[BaseModel] | None, key: str) -> str:
    """The kinds that a key of its owner may have."""
    field = _field(owner, key) if owner else None
    members = _models_in(field.annotation) if field else ()
    return " or ".join(_tag(member) for member in members if "kind" in member.model_fields)


def _is_mapping(annotation: Any) -> bool:
    inner = annotation
    while get_origin(inner) is Annotated:
        inner = get_args(inner)[0]
    return get_origin(inner) is dict


def _tag(model: type[BaseModel]) -> str:
    """What tells a member of a union from the others: its kind, else its name."""
    field = model.model_fields.get("kind")
    return str(field.default) if field else model.__name__.lower()


def _models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
