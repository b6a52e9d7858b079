"""Start a method from a model trained before: its features whole, its classifiers row by row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from metafacs.checkpoints.description import Description
from metafacs.data.facts import share_pictures
from metafacs.data.splits import Split, SplitError, refuse_overlap
from metafacs.methods import method_name
from metafacs.methods.base import Method
from metafacs.models.au_branches import ActionUnitBranches
from metafacs.models.model_file import (
    CheckpointError,
    learned_from,
    origin,
    read_model_file,
    weights_in,
)

BACKBONE = "network.backbone"
CLASSIFIERS = ("action_units", "expressions", "intensities")
"""Names of the linear layers whose rows are AUs and expressions, in every method."""


@dataclass(frozen=True)
class Transfer:
    """What a method took over from a trained model.

    Attributes:
        origin: Which model it was, see :func:`metafacs.models.model_file.origin`.
        loaded: Part of the method -> part of the model that it was filled with.
        fresh: Part of the method that keeps its own start -> why.
        unused: Parts of the model that found no place.
    """

    origin: dict[str, Any]
    loaded: dict[str, str] = field(default_factory=dict)
    fresh: dict[str, str] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        taken = [part if part == other else f"{part} from {other}" for part, other in self.loaded.items()]
        afresh = [f"{part} ({why})" for part, why in self.fresh.items()]
        told = {"taken over": taken, "starts afresh": afresh, "not used": self.unused}
        lines = [f"  {what}: {', '.join(parts)}" for what, parts in told.items() if parts]
        return "\n".join(
            [f"initialised from {self.origin['file']}, trained with {self.origin['method']}", *lines]
        )

    def describe(self, description: Description) -> Description:
        """Return a run's description with the transfer in it; the model's licence and faces count as well."""
        return replace(
            description,
            synthetic=bool(description.synthetic or self.origin["synthetic"]),
            licence=f"{description.licence}; started from a model {self.origin['licence']}",
            initialised_from={
                **self.origin,
                "loaded": self.loaded,
                "fresh": self.fresh,
                "unused": self.unused,
            },
        )


def transfer(method: Method, model: Path | str, stand_ins: Mapping[int, int] | None = None) -> Transfer:
    """Fill a new method with what a trained model knows, as MAL starts DISFA from BP4D (section 4.1.4).

    The backbone is taken over whole, from the same one and no larger one; a classifier row by row: an AU by
    its FACS number, an expression by its name. Other parts of the network are taken over where the model has
    all of them, in the same shapes; what is no part of the network, such as MAL's meta net, is not. A method
    without a ``network``, such as ``mesh_reader``, takes its parts from a model of the same method alone.
    Rows are taken over only if what they read is. AUs that have a branch each go together, or with stand-ins
    one by one. Whether the model knows somebody who is held out, :func:`refuse_leaks` asks of the run.

    Args:
        method: The method to fill, in place.
        model: File that ``metafacs train`` wrote.
        stand_ins: AU of the method -> AU of the model to take its row or branch from, e.g. ``{25: 23}`` as
            JAA-Net starts DISFA's AU25 from BP4D's AU23.

    Returns:
        What was taken over, what was not, and why.

    Raises:
        CheckpointError: If the file is no model, has another backbone, or nothing that can be taken over.
        ValueError: If a stand-in is for an AU that the method does not detect or has no row or branch of, or
            is one that the model does not detect.
    """
    header, tensors = read_model_file(model)
    done = Transfer(origin(model, header, tensors))
    saved = weights_in(tensors)
    own = method.state_dict()
    branches = _branches(method) if stand_ins else {}
    parts, theirs = (_parts(state, branches) for state in (own, saved))
    name = method_name(type(method))
    _fill_parts(done, parts, theirs, alike=header.method == name)
    wanted = {au: au for au in method.aus} | _checked(stand_ins or {}, method.aus, header.aus)
    for prefix, features in branches.items():
        fault = None if features in done.loaded else "the features that its branch reads start afresh"
        mine, known = (
            {au: _below(f"{prefix}{au}.", state) for au in aus}
            for state, aus in ((own, method.aus), (saved, header.aus))
        )
        _fill_each(done, "AU", mine, known, wanted, fault)
    classes = {name: name for name in method.expressions}
    classifiers: tuple[tuple[str, str, Mapping[Any, Any], Sequence[Any]], ...] = (
        ("action_units", "AU", wanted, header.aus),
        ("expressions", "expression ", classes, header.expressions),
        ("intensities", "intensity of AU", wanted, header.aus),
    )
    for kind, label, named, there in classifiers:
        fault = _fault(done, _reads(kind, own, parts), _reads(kind, saved, theirs))
        rows = _rows_of(kind, own, list(named)), _rows_of(kind, saved, there)
        _fill_each(done, label, *rows, named, fault)
    for au, other in (stand_ins or {}).items():
        if f"AU{au}" not in done.loaded | done.fresh:
            raise ValueError(
                f"{name} has nothing of AU{au} alone that could start from AU{other}; leave stand_ins out"
            )
    if not done.loaded:
        raise CheckpointError(
            f"{done.origin['file']} was trained with {header.method} and has nothing that {name} could start "
            "from; choose a model of the same method, or of one with the same backbone"
        )
    return done


def refuse_leaks(description: Description, dataset: str, split: Split) -> None:
    """Refuse a model that has learned from other models which know people whom the split holds out.

    Args:
        description: Of the model: what it started from, who taught it, who labelled for it.
        dataset: Name of the data set that is split.
        split: Who is held out.

    Raises:
        SplitError: Naming the people.
    """
    for source in learned_from(description.to_json()):
        refuse_leak(source, dataset, split)


def refuse_leak(model: Mapping[str, Any], dataset: str, split: Split) -> None:
    """Refuse to learn from a model that has learned from people whom the split holds out.

    Args:
        model: What :func:`metafacs.models.model_file.origin` says of it.
        dataset: Name of the data set that is split.
        split: Who is held out.

    Raises:
        SplitError: Naming the people, or saying that it is not known who they are.
    """
    if not split.test:
        return
    # Ids are only comparable within one data set: F001 of BP4D is nobody in DISFA.
    by: str = split.by
    seen: Sequence[str] = ()
    first, *further = [used["dataset"] for used in model["data"]] or [""]
    if dataset == first:
        if model.get("split") is None:
            raise SplitError(f"{model['file']} does not say whom it was trained on; start from another")
        by, seen = model["split"]["by"], model["split"]["train"]
    elif dataset in further:
        # Its split is of the first set; of the others it takes the part for training, or all there is.
        by, seen = "part", ("train",)
    elif other := next((used for used in (first, *further) if share_pictures(used, dataset)), None):
        raise SplitError(
            f"{model['file']} has learned from {other}, whose pictures are those of {dataset}, and which of "
            "them is not known; start from another"
        )
    if by != split.by:
        raise SplitError(f"{model['file']} was trained on {dataset} divided otherwise; start from another")
    refuse_overlap(seen, split.test, one=f"the training of {model['file']}")
    for before in learned_from(model):
        refuse_leak(before, dataset, split)


def _checked(stand_ins: Mapping[int, int], aus: Sequence[int], saved: Sequence[int]) -> dict[int, int]:
    for au, other in stand_ins.items():
        if au not in aus or other not in saved:
            raise ValueError(
                f"AU{au} cannot start from AU{other}: the method detects {list(aus)}, the model {list(saved)}"
            )
    return dict(stand_ins)


def _classifier(name: str) -> str | None:
    """Return which classifier a tensor belongs to by its name, None for any other tensor."""
    kind, _, tensor = name.rpartition(".")
    kind = kind.rpartition(".")[2]
    return kind if kind in CLASSIFIERS and tensor in ("weight", "bias") else None


def _branches(method: Method) -> dict[str, str]:
    """Return what stands before the AU in the names of branches -> the part that they read."""
    return {
        f"{name}.branches.": f"{name.rpartition('.')[0]}.extractors"
        for name, module in method.named_modules()
        if isinstance(module, ActionUnitBranches)
    }


def _parts(state: Mapping[str, Tensor], branches: Collection[str]) -> dict[str, dict[str, Tensor]]:
    """Return what is outside the classifiers and the branches by part: a module of network or method."""
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        if _classifier(name) is None and not name.startswith(tuple(branches)):
            words = name.split(".")
            parts.setdefault(".".join(words[: 2 if words[0] == "network" else 1]), {})[name] = tensor
    return parts


def _fill_parts(
    done: Transfer,
    own: Mapping[str, dict[str, Tensor]],
    saved: Mapping[str, dict[str, Tensor]],
    *,
    alike: bool,
) -> None:
    """Copy what is no classifier; ``alike`` says whether the model is of the same method."""
    has_network = any(part.startswith("network.") for part in own)
    for part, mine in own.items():
        theirs = saved.get(part, {})
        if has_network and not part.startswith("network."):
            done.fresh[part] = "it is no part of the network"
        elif not has_network and not alike:
            done.fresh[part] = "the model is of another method"
        elif _holds(theirs, mine) and (part != BACKBONE or theirs.keys() == mine.keys()):
            for name, tensor in mine.items():
                tensor.copy_(theirs[name])
            done.loaded[part] = part
            done.unused.extend(sorted({_module(name) for name in theirs.keys() - mine.keys()}))
        elif part == BACKBONE:
            raise CheckpointError(
                f"{done.origin['file']} does not have this method's backbone; set options.backbone to the "
                "one it was trained with"
            )
        else:
            done.fresh[part] = "the model has another one" if theirs else "the model has none"
    done.unused.extend(part for part in saved if part not in done.loaded)


def _holds(theirs: Mapping[str, Tensor], mine: Mapping[str, Tensor]) -> bool:
    """Return whether a part has all tensors of another, in their shapes; it may have more."""
    return all(name in theirs and theirs[name].shape == tensor.shape for name, tensor in mine.items())


def _module(name: str) -> str:
    """Return a tensor's name down to the module inside its part, as ``network.branches.ends.target``."""
    return ".".join(name.split(".")[:4])


def _reads(kind: str, state: Mapping[str, Tensor], parts: Collection[str]) -> set[str]:
    """Return the parts that a classifier may read: the backbone if it stands beside it, else all."""
    found: set[str] = set()
    for name in (name for name in state if _classifier(name) == kind):
        if BACKBONE in parts and name.startswith(f"network.{kind}."):
            found.add(BACKBONE)
        else:
            around = "network." if name.startswith("network.") else ""
            found.update(part for part in parts if part.startswith(around))
    return found


def _fault(done: Transfer, mine: set[str], theirs: set[str]) -> str | None:
    """Return why rows would meet other features than they were trained on; None if they do not."""
    if lacking := sorted(mine - done.loaded.keys()):
        return f"it reads {lacking[0]}, which starts afresh"
    if lacking := sorted(theirs - done.loaded.keys()):
        return f"the model's reads {lacking[0]}, which is not used"
    return None


def _fill_each(
    done: Transfer,
    label: str,
    mine: Mapping[Any, Mapping[str, Tensor]],
    theirs: Mapping[Any, Mapping[str, Tensor]],
    wanted: Mapping[Any, Any],
    fault: str | None,
) -> None:
    """Copy the tensors of each AU or expression; ``wanted`` maps one of the method to one of the model."""
    # AUs that have no tensors of their own belong to a part, such as branches known by their numbers.
    for name, tensors in mine.items():
        other = wanted[name]
        if other not in theirs:
            done.fresh[f"{label}{name}"] = "the model does not know it"
        elif theirs[other].keys() != tensors.keys() or not _holds(theirs[other], tensors):
            done.fresh[f"{label}{name}"] = "the model's classifier is of another kind"
        elif fault is not None:
            done.fresh[f"{label}{name}"] = fault
        else:
            for tensor, values in tensors.items():
                values.copy_(theirs[other][tensor])
            done.loaded[f"{label}{name}"] = f"{label}{other}"
    done.unused.extend(
        f"{label}{name}"
        for name, tensors in theirs.items()
        if tensors and f"{label}{name}" not in done.loaded.values()
    )


def _rows_of(kind: str, state: Mapping[str, Tensor], names: Sequence[Any]) -> dict[Any, dict[str, Tensor]]:
    """Return the rows of a classifier by AU or expression; nothing if there is no such classifier."""
    whole = {name.rpartition(".")[2]: t for name, t in state.items() if _classifier(name) == kind}
    return {
        name: {tensor: rows[row] for tensor, rows in whole.items()} for row, name in enumerate(names) if whole
    }


def _below(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}
