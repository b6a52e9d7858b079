"""Local pictures found by addresses of another place, such as EmotioNet's table holds them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

NOT_THERE = "label without a picture"
SEVERAL = "several pictures have this name"
CONTESTED = "several addresses end like the path of one picture"
BY_NAME = "picture found by its name alone: the folder of its address is not there"


class LocalPictures:
    """Pictures below a folder, found by how much of the end of their paths an address shares.

    The name alone is enough only where nothing speaks against it: no other picture and no other address has
    it, the folder that the address names is not there, and no address names the folder of the picture.

    Args:
        folder: The folder that the pictures lie below.
        pictures: Their paths.
    """

    def __init__(self, folder: Path, pictures: Iterable[Path]) -> None:
        self._parts = {path: path.relative_to(folder).parts[::-1] for path in pictures}
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        for path in self._parts:
            self._by_name[path.name].append(path)
        self._folders = {name for parts in self._parts.values() for name in parts[1:]}

    def __len__(self) -> int:
        return len(self._parts)

    def find_all(self, addresses: Sequence[str]) -> Mapping[str, Path | str]:
        """Return address -> its picture, or why there is none.

        Args:
            addresses: Of one table or list, all at once: what others name tells what one can mean.
        """
        places = {address: _parts(address) for address in addresses}
        named = {name for parts in places.values() for name in parts[1:]}
        found: dict[str, tuple[Path, int] | str] = {
            address: self._find(parts, named) for address, parts in places.items()
        }
        claims: dict[Path, list[tuple[int, str]]] = defaultdict(list)
        chosen: dict[str, Path | str] = {}
        for address, match in found.items():
            if isinstance(match, str):
                chosen[address] = match
            elif match[1] == len(places[address]):  # all of it is the end of the path
                chosen[address] = match[0]
            else:
                claims[match[0]].append((match[1], address))
        for picture, claim in claims.items():
            longest = max(shared for shared, _ in claim)
            meant = {places[address] for shared, address in claim if shared == longest}
            for shared, address in claim:
                best = picture if len(meant) == 1 else CONTESTED
                chosen[address] = best if shared == longest else NOT_THERE
        return chosen

    def by_name_alone(self, address: str, picture: Path) -> bool:
        """Return whether an address shares no more than the name with the path of its picture."""
        return _shared(_parts(address), self._parts[picture]) == 1 < len(_parts(address))

    def _find(self, address: tuple[str, ...], named: set[str]) -> tuple[Path, int] | str:
        shared = {path: _shared(address, self._parts[path]) for path in self._by_name.get(address[0], ())}
        longest = max(shared.values(), default=0)
        best = [path for path, length in shared.items() if length == longest]
        if not best:
            return NOT_THERE
        if len(best) > 1:
            return SEVERAL
        there, wanted = self._parts[best[0]][longest:], address[longest:]
        if wanted and (wanted[0] in self._folders or (there and there[0] in named)):
            return NOT_THERE
        return best[0], longest


def _parts(address: str) -> tuple[str, ...]:
    """Return the parts of an address from its end, without what only makes it one."""
    parts = PurePosixPath(address.replace("\\", "/")).parts
    return tuple(part for part in reversed(parts) if part not in ("/", ".") and not part.endswith(":")) or (
        "",
    )


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many parts are the same from the start on."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
