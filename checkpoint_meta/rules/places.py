"""Where in a YAML text a field stands."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

from checkpoint_meta.evidence import Place
from checkpoint_meta.readers.yaml import YamlError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ruamel.yaml.events import Event
    from ruamel.yaml.nodes import Node

    from checkpoint_meta.errors import ReadError
    from checkpoint_meta.evidence import FieldPath

_TEXT: Final = "tag:yaml.org,2002:str"


def locate(text: str, fields: Iterable[FieldPath]) -> dict[FieldPath, Place]:
    """Return the place of each field's value; of what it would stand in where it is missing.

    The text is parsed anew, at a hundred times what reading it took, and no further than the
    last of the fields: only findings ask. A text that cannot be parsed has no places.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    wanted = set(fields)
    finder = _Finder(YAML(typ="safe", pure=True).parse(text), wanted)
    try:
        finder.find()
    except (YAMLError, ValueError, RecursionError):
        return {}
    return {field: place for field in wanted if (place := finder.place_of(field))}


def place_of_error(error: ReadError, text: str) -> Place | None:
    """Return where `text` could not be read; what the reader does not tell is looked for."""
    if isinstance(error, YamlError) and error.place is not None:
        return error.place
    if "duplicate" in error.reason:
        return locate_second_key(text)
    return locate_odd_key(text) if "is not a text" in error.reason else None


def locate_odd_key(text: str) -> Place | None:
    """Return where a key stands that is a number or the like, `None` if none does."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except (YAMLError, ValueError, RecursionError):
        return None
    marks = [key.start_mark for key in _keys(root) if key.tag != _TEXT]
    first = min(marks, key=lambda mark: mark.index, default=None)
    return Place(first.line + 1, first.column + 1) if first else None


def _keys(root: Node) -> Iterator[Node]:
    """Yield every key below a node, once also where an alias leads to it again."""
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    waiting, met = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in met:
            continue
        met.add(id(node))
        if isinstance(node, MappingNode):
            yield from (key for key, _ in node.value)
            waiting += [value for _, value in node.value]
        elif isinstance(node, SequenceNode):
            waiting += node.value


def locate_second_key(text: str) -> Place | None:
    """Return where a key stands for the second time in one block, `None` if none does."""
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import YAMLError

    try:
        YAML(typ="safe", pure=True).load(text)
    except DuplicateKeyError as error:
        return Place(error.problem_mark.line + 1, error.problem_mark.column + 1)
    except (YAMLError, ValueError, RecursionError):
        # Another fault, which the reader has told of.
        return None
    return None


class _Finder:
    """Follows a parser until every field that is sought was met, or cannot be met any more."""

    def __init__(self, events: Iterator[Event], wanted: Iterable[FieldPath]) -> None:
        self._events = events
        self._sought = set(wanted)
        self._places: dict[FieldPath, Place] = {}

    def find(self) -> None:
        """Meet as many of the fields as there are."""
        from ruamel.yaml.events import DocumentStartEvent

        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                first = next(self._events)
                self._enter(first, (), first)
                return

    def place_of(self, field: FieldPath) -> Place | None:
        """Return the place of the field, or of the innermost block around it that is there."""
        ends = range(len(field), -1, -1)
        return next(
            (self._places[field[:end]] for end in ends if field[:end] in self._places), None
        )

    def _enter(self, event: Event, path: FieldPath, key: Event) -> None:
        """Take a value: a scalar stands where it stands, a block where its key does."""
        from ruamel.yaml.events import MappingStartEvent, SequenceStartEvent

        is_block = isinstance(event, (MappingStartEvent, SequenceStartEvent))
        mark = (key if is_block else event).start_mark
        self._places[path] = Place(mark.line + 1, mark.column + 1)
        self._sought.discard(path)
        within = {field for field in self._sought if field[: len(path)] == path}
        if is_block and not within:
            self._skip()
        elif isinstance(event, MappingStartEvent):
            self._enter_mapping(path)
        elif is_block:
            self._enter_sequence(path)
        # What was not met inside will not be met outside.
        self._sought -= within

    def _enter_mapping(self, path: FieldPath) -> None:
        from ruamel.yaml.events import MappingEndEvent, ScalarEvent

        while self._sought and not isinstance(key := next(self._events), MappingEndEvent):
            if not isinstance(key, ScalarEvent):
                # A key of several values is none of ours.
                self._skip_node(key)
                self._skip_node(next(self._events))
                continue
            self._enter(next(self._events), (*path, key.value), key)

    def _enter_sequence(self, path: FieldPath) -> None:
        from ruamel.yaml.events import SequenceEndEvent

        for number in count():
            if not self._sought or isinstance(item := next(self._events), SequenceEndEvent):
                return
            self._enter(item, (*path, str(number)), item)

    def _skip_node(self, event: Event) -> None:
        from ruamel.yaml.events import CollectionStartEvent

        if isinstance(event, CollectionStartEvent):
            self._skip()

    def _skip(self) -> None:
        """Pass over the rest of the block that has just begun."""
        from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent

        depth = 1
        while depth and self._sought:
            event = next(self._events)
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
