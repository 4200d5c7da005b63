"""Strict reading of reference files (YAML) into typed models, with file and line in every error.

    seeds/taxonomy.yaml:12: labels.3.alias: unknown key; allowed are aliases, definition, exclude, ...

YAML is read as nodes, so that a duplicate key, an anchor or a wrong value is refused where it stands.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from triage.errors import Fault, SettingsError

if TYPE_CHECKING:
    import yaml

__all__ = ["Lines", "plain_values", "read_reference", "refusal"]

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]

_DEEPEST = 40
"""Levels of nesting allowed; our own files have six."""
_HINT = "correct that line; the file shipped with the program is an example of the form"
_REMEDIES = {
    "extra_forbidden": "spell it as one of those, or take the line out",
    "missing": "add it; the file shipped with the program is an example of the form",
}


class Lines:
    """Where each key and item of a file stands: `at(("labels", 3, "id"))` is a 1-based line."""

    def __init__(self) -> None:
        self._lines: dict[Path, int] = {(): 1}

    def put(self, path: Path, line: int) -> None:
        self._lines[path] = line

    def at(self, path: Path) -> int:
        """The line of `path`, or of the nearest thing around it."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]


def read_reference(text: str, model: type[Model], *, name: str) -> tuple[Model, Lines]:
    """Read YAML `text` of the file called `name` into `model`, and say where everything stands.

    Raises SettingsError "NAME:LINE: key: what is wrong; what is allowed" with all faults; the message is the first.
    """
    values, lines = plain_values(text, name)
    if not isinstance(values, dict):
        raise refusal(name, [Fault(1, f"the file must be a mapping of keys; allowed are {_allowed(model)}", _HINT)])
    try:
        return model.model_validate(values, strict=False), lines
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        # a misspelled key is both unknown and missing; the former says more
        found.sort(key=lambda one: one["type"] != "extra_forbidden")
        raise refusal(name, [_fault(one, model, lines) for one in found]) from error


def refusal(name: str, faults: Sequence[Fault]) -> SettingsError:
    """The error for the file called `name` that has these faults; at least one."""
    first = faults[0]
    return SettingsError(f"{name}:{first.line}: {first.message}", hint=first.hint, faults=faults)


def _fault(found: Any, model: type[BaseModel], lines: Lines) -> Fault:
    path = tuple(found["loc"])
    return Fault(lines.at(path), f"{_dotted(path)}: {_reason(found, model)}", _REMEDIES.get(found["type"], _HINT))


def plain_values(text: str, name: str) -> tuple[Any, Lines]:
    """What YAML `text` holds as plain values, and where. Raises SettingsError when it is not the YAML allowed here."""
    import yaml

    # the C parser is ten times faster and builds the same nodes; PyYAML may come without it
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    lines = Lines()
    try:
        _check_events(text, loader, name)
        node = yaml.compose(text, Loader=loader)
        return _plain(node, (), lines, name, loader("")) if node is not None else None, lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        if "nesting depth" in str(error.problem):  # newer parsers have a limit of their own, met while they look ahead
            raise refusal(name, [Fault(line, f"nested more than {_DEEPEST} deep", _HINT)]) from error
        raise refusal(name, [Fault(line, f"not valid YAML: {error.problem}", _HINT)]) from error
    except yaml.YAMLError as error:  # characters that may not stand in YAML
        place = getattr(error, "position", 0)
        # the C parser counts bytes
        before = text[:place] if loader is yaml.SafeLoader else text.encode("utf-8", "surrogatepass")[:place].decode("utf-8", "ignore")
        what = str(error).partition("\n")[0]
        raise refusal(name, [Fault(before.count("\n") + 1, f"not valid YAML: {what}", _HINT)]) from error


def _check_events(text: str, loader: Any, name: str) -> None:
    """Refuse what would be dangerous to build: an anchor's aliases (one line of them can stand for gigabytes) and
    deep nesting (the C parser builds nodes by recursion and would crash the process)."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.NodeEvent) and event.anchor:
            raise refusal(name, [Fault(line, "anchors and aliases (& and *) are not allowed here", _HINT)])
        if depth > _DEEPEST:
            raise refusal(name, [Fault(line, f"nested more than {_DEEPEST} deep", _HINT)])


def _plain(node: yaml.Node, path: Path, lines: Lines, name: str, loader: Any) -> Any:
    """The plain value of a node; remembers its line and refuses duplicate keys."""
    import yaml

    lines.put(path, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        try:
            return loader.construct_object(node)
        except ValueError as error:  # "2026-99-99"
            raise refusal(name, [Fault(node.start_mark.line + 1, f"not valid YAML: {error}", _HINT)]) from error
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, i), lines, name, loader) for i, item in enumerate(node.value)]
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        place = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise refusal(name, [Fault(place, "a key must be a single word", _HINT)])
        key = str(key_node.value)
        if key in values:
            raise refusal(name, [Fault(place, f"{_dotted((*path, key))}: the key stands here twice", _HINT)])
        values[key] = _plain(value_node, (*path, key), lines, name, loader)
        lines.put((*path, key), place)
    return values


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path) or "the file"


def _reason(fault: Any, model: type[BaseModel]) -> str:
    if fault["type"] == "extra_forbidden":
        return f"unknown key; allowed are {_allowed(_model_at(model, fault['loc'][:-1]) or model)}"
    if fault["type"] == "missing":
        return "this key is missing"
    return f"{fault['msg'].removeprefix('Value error, ')} (found {str(fault['input'])[:60]!r})"


def _allowed(model: type[BaseModel]) -> str:
    return ", ".join(sorted(model.model_fields))


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model that stands at `path` inside `model`, found through its annotations."""
    annotation: Any = model
    for part in path:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = annotation.model_fields.get(str(part))
            annotation = field.annotation if field else None
        else:
            arguments = [a for a in get_args(annotation) if a is not Ellipsis]
            annotation = arguments[-1] if arguments else None
        annotation = _without_none(annotation)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in {Union, types.UnionType}:
        return next((a for a in get_args(annotation) if a is not type(None)), None)
    return annotation
