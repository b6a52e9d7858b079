"""What requests may say, checked: their JSON, their numbers, the settings of a file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar

from aiohttp import web
from msgspec import Meta

from metafacs.app.guards import Refused
from metafacs.app.records import Choice, View
from metafacs.facs import au_name
from metafacs.parsing import parse_json

KindT = TypeVar("KindT")

PATIENCE = web.AppKey("PATIENCE", float)
"""Seconds within which the body of a request must be there; uploads have limits of their own."""

_Id = Annotated[str, Meta(max_length=40)]
_Frame = Annotated[int, Meta(ge=0, le=10**9)]
_LONGEST_NAME, _MOST_NAMES = 60, 200
_SMOOTHEST = 5.0


@dataclass(frozen=True)
class Label:
    """One marked frame: which AUs the face at a place shows (1) and which not (0)."""

    file: _Id
    aus: Annotated[
        dict[Annotated[int, Meta(ge=1, le=99)], Annotated[int, Meta(ge=0, le=1)]], Meta(min_length=1)
    ]
    frame: _Frame | None = None
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Personalising:
    """What is to be fitted to whom."""

    name: Annotated[str, Meta(min_length=1, max_length=_LONGEST_NAME)]
    labels: Annotated[tuple[Label, ...], Meta(min_length=1, max_length=500)]
    model: _Id = "packaged"


async def json_of(request: web.Request, kind: type[KindT]) -> KindT:
    """Return the body of a request as an object of a type.

    Raises:
        Refused: If it is too large, too slow, no JSON or not of the type.
    """
    content = await in_time(request, request.read())

    def refuse(message: str) -> Exception:
        return Refused(400, message)

    return parse_json(content or b"{}", kind, "the request", refuse, "reload the page")


async def in_time(request: web.Request, reading: Awaitable[KindT]) -> KindT:
    """Return what is read of the body of a request.

    Raises:
        Refused: If it is not there in time.
    """
    patience = request.app[PATIENCE]
    try:
        return await asyncio.wait_for(reading, patience)
    except asyncio.TimeoutError:
        raise Refused(408, f"the request was not there within {patience:g} seconds; try again") from None


def number_of(request: web.Request, name: str, default: int | None = None, *, most: int = 2**53) -> int:
    """Return a whole number of the address's query.

    Raises:
        Refused: If it is missing and has no default, or no number from 0 to the most.
    """
    text = request.query.get(name)
    if text is None and default is not None:
        return default
    # isdecimal() takes the digits of all scripts.
    if text is None or not (text.isascii() and text.isdecimal() and len(text) <= 16) or int(text) > most:
        raise Refused(400, f"{name} must be a whole number from 0 to {most}; reload the page")
    return int(text)


def choice_of(given: dict[str, Any], before: Choice) -> Choice:
    """Return a choice with the parts that are given.

    Raises:
        Refused: If one has another type.
    """
    choice = before
    if "model" in given:
        choice = replace(choice, model=_typed(given["model"], str, "model"))
    if "person" in given:
        choice = replace(choice, person=_typed(given["person"], str, "person", or_none=True))
    if "fps" in given:
        fps = _typed(given["fps"], (int, float), "fps", or_none=True)
        choice = replace(choice, fps=None if fps is None else float(fps))
    return choice


def view_of(given: dict[str, Any], before: View, aus: list[int]) -> View:
    """Return a view with the parts that are given.

    Args:
        given: Parts by name.
        before: Gives the others.
        aus: That the model tells; empty if nobody knows yet.

    Raises:
        Refused: If one makes no sense; the message says what does.
    """
    view = before
    if "aus" in given:
        view = replace(view, aus=_aus(given["aus"], aus))
    if "smoothing" in given:
        smoothing = float(_typed(given["smoothing"], (int, float), "smoothing"))
        if not 0 <= smoothing <= _SMOOTHEST:
            raise Refused(400, f"smoothing must be 0 to {_SMOOTHEST:g} seconds")
        view = replace(view, smoothing=smoothing)
    if "neutral" in given:
        neutral = _typed(given["neutral"], str, "neutral", or_none=True)
        if neutral is not None and len(neutral) > 1000:
            raise Refused(400, "the neutral frames are too many; name fewer ranges")
        view = replace(view, neutral=neutral or None)
    if "names" in given:
        view = replace(view, names=_names(given["names"]))
    if "hidden" in given:
        hidden = _typed(given["hidden"], list, "hidden")
        view = replace(view, hidden=tuple(sorted({_person(each) for each in hidden})))
    return view


def _typed(value: Any, kind: Any, name: str, *, or_none: bool = False) -> Any:
    if value is None and or_none:
        return None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Refused(400, f"{name} is not what it should be; reload the page")
    return value


def _aus(given: Any, known: list[int]) -> tuple[int, ...] | None:
    chosen = _typed(given, list, "aus", or_none=True)
    if chosen is None:
        return None
    for au in chosen:
        _typed(au, int, "aus")
    if not chosen:
        raise Refused(400, "choose at least one action unit")
    if strange := [au for au in chosen if known and au not in known]:
        raise Refused(400, f"the model does not tell {', '.join(f'AU{au}' for au in strange[:10])}")
    try:
        for au in chosen:
            au_name(au)
    except ValueError as error:
        raise Refused(400, str(error)) from error
    return tuple(sorted(set(chosen)))


def _names(given: Any) -> dict[int, str]:
    names = _typed(given, dict, "names")
    if len(names) > _MOST_NAMES:
        raise Refused(400, f"at most {_MOST_NAMES} people can be named")
    found = {}
    for person, name in names.items():
        if not (person.isascii() and person.isdecimal() and len(person) <= 7):
            raise Refused(400, "names go by the number of the person")
        name = _typed(name, str, "names").strip()
        if len(name) > _LONGEST_NAME or not name.isprintable():
            raise Refused(400, f"a name has 1 to {_LONGEST_NAME} letters, in one line")
        if name:
            found[int(person)] = name
    return found


def _person(value: Any) -> int:
    number: int = _typed(value, int, "hidden")
    if not 0 <= number < 10**6:
        raise Refused(400, "people go by their numbers")
    return number
