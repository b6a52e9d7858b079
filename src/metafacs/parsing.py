"""The one way in for JSON and YAML: sized, checked against types, refused in a sentence with file and field.

A type is any annotation that msgspec knows: dataclasses, mappings, tuples, ``Literal``, and numbers with
limits such as ``Annotated[int, Meta(ge=1, le=4096)]``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    import yaml

KindT = TypeVar("KindT")

Refusal = Callable[[str], Exception]
"""Class of the error to raise, such as ``CheckpointError``."""

LARGEST_TEXT = 64 << 20
"""Bytes of a file that is parsed as a whole."""

_LARGEST_YAML = 1 << 20
_DEEPEST_YAML = 50
_MOST_VALUES = 100_000
_LONGEST_SCALAR = 1000


class FileError(ValueError):
    """A file that is not what it should be; the message names it and says what to do."""


def read_json(
    path: Path | str, kind: type[KindT], refuse: Refusal = FileError, remedy: str = "restore the file"
) -> KindT:
    """Return the content of a JSON file as an object of a type.

    Args:
        path: The file.
        kind: The type, such as ``dict[str, Any]`` or a dataclass.
        refuse: Class of the error.
        remedy: What the user can do about a file that is damaged.

    Raises:
        Exception: ``refuse``, if the file is missing, too large, no JSON, or not of the type. NaN and
            infinity are no JSON.
        OSError: As :func:`read_bytes`.
    """
    return parse_json(read_bytes(path, refuse, remedy), kind, str(path), refuse, remedy)


def parse_json(
    content: bytes | str,
    kind: type[KindT],
    source: str,
    refuse: Refusal = FileError,
    remedy: str = "restore the file",
) -> KindT:
    """Return JSON text as an object of a type; see :func:`read_json`.

    Args:
        content: The text.
        kind: The type.
        source: What to call the text in messages, such as its file and line.
        refuse: Class of the error.
        remedy: What the user can do about it.
    """
    try:
        # Not decoded into the type at once: sets such as tuples in Any would not be seen.
        plain = msgspec.json.decode(content)
    except RecursionError:
        raise refuse(f"{source} is nested too deeply; {remedy}") from None
    except (ValueError, msgspec.MsgspecError) as error:
        raise refuse(f"{source} is damaged ({_reason(error)}); {remedy}") from error
    return convert(plain, kind, source, refuse, remedy)


def convert(
    content: object,
    kind: type[KindT],
    source: str,
    refuse: Refusal = FileError,
    remedy: str = "restore the file",
) -> KindT:
    """Return plain data as an object of a type: dictionaries become dataclasses, lists tuples.

    Args:
        content: Dictionaries, lists, texts, numbers, booleans and None, as JSON or YAML give them.
        kind: The type.
        source: What to call the data in messages.
        refuse: Class of the error.
        remedy: What the user can do about it.

    Raises:
        Exception: ``refuse``, if the data are not of the type; it names the field.
    """
    try:
        return msgspec.convert(content, kind, str_keys=True)
    except RecursionError:
        raise refuse(f"{source} is nested too deeply; {remedy}") from None
    except (ValueError, TypeError, msgspec.ValidationError) as error:
        raise refuse(f"{source}: {_reason(error)}; {remedy}") from error


def read_yaml(path: Path | str, refuse: Refusal = FileError) -> Any:
    """Return the content of a YAML file as plain data.

    Raises:
        Exception: ``refuse``, if the file is missing, too large or no YAML; see :func:`parse_yaml`.
        OSError: As :func:`read_bytes`.
    """
    content = read_bytes(path, refuse, "correct the file", largest=_LARGEST_YAML)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse(f"{path} is no UTF-8 text ({error}); save it as UTF-8") from None
    return parse_yaml(text, str(path), refuse)


def parse_yaml(text: str, source: str, refuse: Refusal = FileError) -> Any:
    """Return YAML text as plain data: no tags that make objects, nothing that unfolds without end.

    Args:
        text: The text.
        source: What to call the text in messages.
        refuse: Class of the error.

    Raises:
        Exception: ``refuse``, if it is no YAML, holds a key twice or a text of more than 1,000 letters, is
            nested deeper than 50 levels, or holds more than 100,000 values, what anchors stand for included.
    """
    import yaml

    try:
        return yaml.load(text, Loader=_loader())
    except RecursionError:
        raise refuse(f"{source} is nested too deeply; correct it") from None
    except (yaml.YAMLError, ValueError) as error:
        raise refuse(f"{source} is not YAML that can be used: {error}") from error


def read_bytes(
    path: Path | str,
    refuse: Refusal = FileError,
    remedy: str = "restore the file",
    *,
    largest: int = LARGEST_TEXT,
) -> bytes:
    """Return the content of a regular file of bounded size.

    Raises:
        Exception: ``refuse``, if the file is missing, no regular file, or too large.
        OSError: If the system does not let it be read, now or ever, which says nothing of what it holds.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise refuse(f"{path} is a folder, not a file")
        if path.exists() and not path.is_file():
            raise refuse(f"{path} is no regular file")
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise refuse(f"{path} does not exist") from None
    except OSError as error:
        error.filename = error.filename or str(path)  # a read knows no name
        raise
    if len(content) > largest:
        raise refuse(f"{path} is larger than {largest >> 20} MiB: it is not what it should be; {remedy}")
    return content


def check_number(name: str, value: float, lowest: float, highest: float) -> None:
    """Refuse a setting that is outside its range, or no number at all.

    >>> check_number("share", 0.5, 0, 1)

    Raises:
        ValueError: Naming the setting and its range.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not lowest <= value <= highest:
        raise ValueError(f"{name} is {value!r}; give a number from {lowest:,} to {highest:,}")


def _reason(error: Exception) -> str:
    """Return what msgspec says with the place as ``aus[1]`` instead of ```$.aus[1]```."""
    reason, _, place = str(error).partition(" - at `")
    reason = reason.replace("`", "")
    place = place.rstrip("`").lstrip("$").lstrip(".")
    return f"{place}: {reason}" if place else reason


@cache
def _loader() -> type[yaml.SafeLoader]:
    """Return PyYAML's safe loader with limits; imported here, because most programs read no YAML."""
    import yaml

    class Loader(yaml.SafeLoader):
        """PyYAML's safe loader with limits."""

        def __init__(self, stream: str) -> None:
            super().__init__(stream)
            self._depth, self._values = 0, 0
            self._anchored: dict[str, int] = {}
            self._open: set[str] = set()

        def compose_node(self, parent: Any, index: Any) -> Any:
            event = self.peek_event()
            before = self._values
            alias = event.anchor if isinstance(event, yaml.AliasEvent) else None
            self._values += self._anchored.get(alias or "", 1)
            if alias in self._open:
                raise yaml.YAMLError(f"the anchor {event.anchor!r} refers to itself")
            if self._values > _MOST_VALUES:
                raise yaml.YAMLError(f"more than {_MOST_VALUES:,} values, what anchors stand for included")
            if isinstance(event, yaml.ScalarEvent) and len(event.value) > _LONGEST_SCALAR:
                where = f" in line {event.start_mark.line + 1}" if event.start_mark else ""
                raise yaml.YAMLError(f"a text of more than {_LONGEST_SCALAR:,} letters{where}")
            if self._depth == _DEEPEST_YAML:
                raise yaml.YAMLError(f"nested deeper than {_DEEPEST_YAML} levels")
            if alias is not None or event.anchor is None:
                return self._composed(parent, index)
            self._open.add(event.anchor)
            node = self._composed(parent, index)
            self._open.discard(event.anchor)
            self._anchored[event.anchor] = self._values - before
            return node

        def _composed(self, parent: Any, index: Any) -> Any:
            self._depth += 1
            node = super().compose_node(parent, index)
            self._depth -= 1
            return node

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            seen = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                    if key.value in seen:
                        raise yaml.constructor.ConstructorError(
                            None, None, f"the key {key.value!r} is given twice", key.start_mark
                        )
                    seen.add(key.value)
            return super().construct_mapping(node, deep)

    return Loader
