"""Open a page on this machine: drop pictures and videos, see action units over time, take tables away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from metafacs.app.records import PACKAGED, Model
from metafacs.app.server import LOOPBACK, Settings, serve
from metafacs.app.uploads import Limits

_PORTS = 1 << 16


def build_parser(words: Sequence[str]) -> ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument(
        "--models",
        type=Path,
        nargs="+",
        default=[],
        help="model.safetensors of 'metafacs train', or folders of them, or model.onnx of 'metafacs export', "
        "to choose from beside the detector in the package",
    )
    parser.add_argument("--port", type=int, default=0, help="default a free one")
    parser.add_argument("--browser", type=bool, default=True, help="open the page in the browser")
    parser.add_argument("--upload_limit", type=float, default=2.0, help="gigabytes of the largest file")
    parser.add_argument(
        "--share_on",
        type=str | None,
        default=None,
        help="HOST:PORT, to let other machines in; only with --password",
    )
    parser.add_argument(
        "--password",
        type=str | None,
        default=None,
        help="what people on other machines must give; - to be asked for it, so that nobody reads it from "
        "the list of processes",
    )
    parser.add_argument("--device", type=str, default="cpu", help="cpu, cuda, mps, gpu or auto")
    return parser


def run(arguments: Namespace) -> int:
    """Serve the page until it is ended."""
    if not arguments.upload_limit > 0:
        raise ValueError(f"--upload_limit is {arguments.upload_limit:g} GB; give a number above 0")
    if not 0 <= arguments.port < _PORTS:
        raise ValueError(f"--port is {arguments.port}; give a number below {_PORTS}, or 0 for a free one")
    host, port = LOOPBACK, arguments.port
    password = arguments.password
    if arguments.share_on is None and password is not None:
        raise ValueError("--password is for --share_on; without it only this machine can open the page")
    if arguments.share_on is not None:
        if not password:
            raise ValueError(
                "--share_on lets everybody who can reach this machine try: give a --password too, or leave "
                "both out"
            )
        host, port = _host_and_port(arguments.share_on)
        password = _asked() if password == "-" else password
        _say(
            "warning: the page is shared without encryption (TLS): who listens on the network can read the "
            "password, faces and results. Share it through an SSH tunnel or a proxy with TLS instead."
        )
    settings = Settings(
        host=host,
        port=port,
        password=password,
        limits=Limits(round(arguments.upload_limit * 2**30)),
        device=arguments.device,
        models=_models_of([path.expanduser() for path in arguments.models]),
    )
    serve(settings, _say, browser=arguments.browser)
    return 0


def _models_of(paths: Sequence[Path]) -> list[Model]:
    """Return the models that can be chosen: that of the package, then those named, folders read whole.

    Raises:
        ValueError: If a path is not there, or a folder holds no model.
    """
    found: list[Model] = [Model(PACKAGED, "metafacs people detector")]
    for path in paths:
        if path.is_dir():
            inside = sorted(path.rglob("model.safetensors")) or sorted(path.glob("*.safetensors"))
            if not inside:
                raise ValueError(f"{path} holds no model.safetensors; name the folder of a training")
            named = [(each, str(each.relative_to(path.parent))) for each in inside]
        elif path.is_file():
            named = [(path, path.name)]
        else:
            raise ValueError(f"{path} does not exist; name model.safetensors of 'metafacs train'")
        found += [Model(f"m{len(found) + i}", name, each) for i, (each, name) in enumerate(named)]
    return found


def _host_and_port(text: str) -> tuple[str, int]:
    """Return the two parts of ``HOST:PORT``, an IPv6 address in brackets."""
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or not 0 < int(port) < _PORTS:
        raise ValueError(f"--share_on is {text!r}; give HOST:PORT, such as 192.168.1.5:8080")
    return host.strip("[]"), int(port)


def _asked() -> str:
    from getpass import getpass

    return getpass("password of the page: ")


def _say(line: str) -> None:
    # At once: other programs wait for the address.
    print(line, flush=True)
