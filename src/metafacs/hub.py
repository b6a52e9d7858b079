"""The one way to the Hugging Face Hub: files by repository and commit, from the network or its cache."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

PREFIX = "hf:"
"""How the name of a model on the Hub begins."""

WEIGHTS = "model.safetensors"
"""Name of the file with the weights, in repositories of metafacs and of timm."""

_REPOSITORY = r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*"
_REFERENCE = re.compile(rf"{PREFIX}({_REPOSITORY})(?:@(\w[\w.-]*(?:/\w[\w.-]*)*))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")

_CLIENTS = ("httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3")

_TIMEOUT = 10.0
"""Seconds to wait for the Hub before its cache is looked into."""


class HubError(ValueError):
    """The Hub has no such thing, or does not give or take it; the message says what to do."""


@dataclass(frozen=True)
class HubFile:
    """A file of a repository at one commit, on this machine.

    Attributes:
        repository: ``user/name``.
        commit: Its full hash.
        path: Where the file lies.
    """

    repository: str
    commit: str
    path: Path

    @property
    def name(self) -> str:
        """What finds the same content again: ``hf:user/name@commit``."""
        return f"{PREFIX}{self.repository}@{self.commit}"


def is_reference(name: object) -> bool:
    """Return whether a model's name, a text or a path, is one of the Hub.

    >>> is_reference(Path("hf:user/name")), is_reference("runs/hf/model.safetensors"), is_reference(None)
    (True, False, False)
    """
    return isinstance(name, (str, Path)) and _written(name).startswith(PREFIX)


def parse_reference(name: str | Path) -> tuple[str, str | None]:
    """Return repository and revision, None for the newest, of ``hf:user/name`` or ``hf:user/name@revision``.

    >>> parse_reference("hf:lab/faces@v1")
    ('lab/faces', 'v1')

    Raises:
        HubError: If it is neither.
    """
    found = _REFERENCE.fullmatch(_written(name))
    if found is None:
        raise HubError(
            f"{_written(name)} names no model on the Hub; write hf:user/name, or hf:user/name@revision with "
            "a branch, a tag or a commit"
        )
    return found[1], found[2]


def check_repository(name: str) -> None:
    """Refuse what is not ``user/name``.

    Raises:
        HubError: Saying so.
    """
    if re.fullmatch(_REPOSITORY, name, re.ASCII) is None:
        raise HubError(f"{name!r} is no repository of the Hub; write user/name")


def fetch(repository: str, file: str, revision: str | None = None) -> HubFile:
    """Return a file of a repository, downloaded unless the cache holds it.

    A full commit that the cache holds needs no network. Where the Hub cannot be reached, the newest copy in
    the cache is taken, and a warning says so; a download is told on standard error.

    Args:
        repository: ``user/name``.
        file: Its name in the repository.
        revision: A branch, a tag or a commit; None for the newest commit of the main branch.

    Raises:
        HubError: If there is no such repository, revision or file, or the user may not read it.
        ConnectionError: If the Hub cannot be reached and the cache holds no copy.
        ValueError: If the package ``huggingface_hub`` is missing.
    """
    hub = _library()
    if revision is not None and _COMMIT.fullmatch(revision):
        held = _held(hub, repository, file, revision)
        if held is not None:
            return held
    try:
        commit = _newest(hub, repository, revision)
    except Exception as error:
        if not _is_of_the_network(error):
            raise
        held = _held(hub, repository, file, revision)
        if held is None:
            raise _unreachable(repository, error) from error
        warnings.warn(
            f"{PREFIX}{repository}: the Hub cannot be reached ({_told(error)}); taken is commit "
            f"{held.commit}, which the cache on this machine holds",
            stacklevel=2,
        )
        return held
    if _held(hub, repository, file, commit) is None:
        print(f"downloading {file} of {PREFIX}{repository}@{commit}", file=sys.stderr)
    return _downloaded(hub, repository, file, revision)


def publish(repository: str, files: Mapping[str, Path], message: str, *, private: bool = True) -> HubFile:
    """Put files into a repository of the Hub in one commit; it is made if there is none.

    Args:
        repository: ``user/name``.
        files: Name in the repository -> file on this machine; the first one is returned.
        message: Of the commit.
        private: Whether a new repository is for its owner only; one that is there stays as it is.

    Raises:
        HubError: If the user is not logged in or may not write there.
        ConnectionError: If the Hub cannot be reached.
        ValueError: If the package ``huggingface_hub`` is missing.
    """
    check_repository(repository)
    hub = _library()
    api = hub.HfApi()
    additions = [
        hub.CommitOperationAdd(path_in_repo=name, path_or_fileobj=str(path)) for name, path in files.items()
    ]
    try:
        api.create_repo(repository, private=private, exist_ok=True)
        done = api.create_commit(repository, additions, commit_message=message)
    except Exception as error:
        if _status(error) in (401, 403) or type(error).__name__ == "LocalTokenNotFoundError":
            raise HubError(
                f"you may not write to {PREFIX}{repository}: log in with 'hf auth login' or set HF_TOKEN to "
                "a token that may write, and name a repository of yours"
            ) from error
        if not _is_of_the_network(error):
            raise
        if _status(error) is not None:
            raise HubError(
                f"the Hub does not take the files for {PREFIX}{repository}: {_told(error)}"
            ) from error
        raise ConnectionError(
            f"{PREFIX}{repository}: the Hub cannot be reached ({_told(error)}); nothing was published, run "
            "the same command again where there is a network"
        ) from error
    return HubFile(repository, done.oid, next(iter(files.values())))


def _library() -> ModuleType:
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ModuleNotFoundError as error:
        raise ValueError(
            "the Hugging Face Hub needs a package that is not installed: pip install 'metafacs[hub]'"
        ) from error
    return huggingface_hub


def _newest(hub: ModuleType, repository: str, revision: str | None) -> str:
    """Ask the Hub which commit a revision is."""
    name = f"{PREFIX}{repository}"
    try:
        found = hub.HfApi().model_info(repository, revision=revision, timeout=_TIMEOUT)
    except hub.errors.RevisionNotFoundError as error:
        raise HubError(f"{name} has no revision {revision}; name a branch, a tag or a commit") from error
    except Exception as error:
        if _status(error) in (401, 403, 404):
            raise _unreadable(name) from error
        raise
    return str(found.sha)


def _held(hub: ModuleType, repository: str, file: str, revision: str | None) -> HubFile | None:
    """Return the copy in the cache, None if there is none."""
    found = hub.try_to_load_from_cache(repository, file, revision=revision)
    # What the Hub is known not to have is a mark, not a path.
    return _file_at(repository, file, found) if isinstance(found, str) else None


def _downloaded(hub: ModuleType, repository: str, file: str, revision: str | None) -> HubFile:
    """Return the file as the Hub has it now; the cache also keeps which commit the revision is."""
    name = f"{PREFIX}{repository}"
    try:
        path = hub.hf_hub_download(repository, file, revision=revision, etag_timeout=_TIMEOUT)
    except hub.errors.LocalEntryNotFoundError as error:
        raise _unreachable(repository, error) from error
    except hub.errors.EntryNotFoundError as error:
        raise HubError(f"{name} holds no {file}; name another repository or revision") from error
    except Exception as error:
        if _status(error) in (401, 403, 404):
            raise _unreadable(name) from error
        if not _is_of_the_network(error):
            raise
        raise _unreachable(repository, error) from error
    return _file_at(repository, file, str(path))


def _file_at(repository: str, file: str, path: str) -> HubFile:
    """Return a file of the cache, whose folders tell the commit."""
    commit = Path(path).parts[-1 - len(Path(file).parts)]
    return HubFile(repository, commit, Path(path))


def _unreadable(name: str) -> HubError:
    return HubError(
        f"there is no {name} that you may read; check the name, and for a private or gated one log in with "
        "'hf auth login' or set HF_TOKEN"
    )


def _unreachable(repository: str, error: Exception) -> ConnectionError:
    return ConnectionError(
        f"{PREFIX}{repository} could not be downloaded ({_told(error)}), and the cache on this machine holds "
        "no copy; run the same command again where there is a network, or give the path of a file"
    )


def _is_of_the_network(error: Exception) -> bool:
    """Return whether an error may come from the way to the Hub."""
    # Each version of the library passes on those of another client.
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in _CLIENTS


def _status(error: Exception) -> int | None:
    """Return the HTTP status that an error stands for, None if the Hub did not answer."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) and status < 500 else None


def _told(error: Exception) -> str:
    """Return the first line of an error of another library."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _written(name: str | Path) -> str:
    return name.as_posix() if isinstance(name, Path) else name
