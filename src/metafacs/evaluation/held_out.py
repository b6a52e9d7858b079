"""Whom a model may be tested on: nobody it has learned from."""

from __future__ import annotations

import warnings
from dataclasses import replace

from metafacs.checkpoints.checkpoint import Checkpoint
from metafacs.data.facts import share_pictures
from metafacs.data.splits import Side, Split, SplitError, SplitName, choose_split, refuse_overlap
from metafacs.data.store import Store
from metafacs.methods.base import Method

_CALLED: dict[str, SplitName] = {
    "3fold": "published",
    "adld": "adld",
    "leave_one_subject_out": "leave_one_subject_out",
    "parts": "parts",
    "listed": "listed",
}
"""Name of a split -> how it is asked for."""


def choose_test_split(
    checkpoint: Checkpoint, store: Store, name: SplitName | None = None, fold: int | None = None
) -> Split:
    """Return the split to test a model by, after checking that it was trained on nobody it is tested on."""
    own, described = checkpoint.description.held_out, checkpoint.description
    number = own.fold if fold is None else fold
    first, *further = [used.dataset for used in described.data] or [""]
    if store.dataset != first and store.dataset in further:
        # Of further data sets it has seen the part for training, to adapt to or with other labels.
        told = "adapted to" if store.dataset == described.adapted_to else "learned from"
        _refuse_other(name, fold, "parts", 1, f"the model has {told} the training part of {store.dataset}")
        if "train" not in store.parts:
            raise SplitError(f"the model has {told} all pictures of {store.dataset}: none is held out")
        return choose_split(store, "parts")
    # Ids are only comparable within one data set: F001 of BP4D is nobody in DISFA.
    if store.dataset != first:
        for used in (first, *further):
            if share_pictures(used, store.dataset):
                raise SplitError(
                    f"the model has learned from {used}, whose pictures are those of {store.dataset}, and "
                    "which of them is not known; test it on another data set"
                )
        chosen = choose_split(store, name, number)
        return replace(chosen, train=(), test=chosen.train) if name == "everybody" else chosen
    if own.name == "everybody":
        raise SplitError("the model was trained on everybody: nobody is held out; train with another --split")
    trained = f"the model was trained on {store.dataset} by the split '{own.name}'"
    usual = _CALLED.get(own.name)
    if own.by == "part":
        _refuse_other(name, fold, usual, own.fold, trained)
        refuse_other_parts(own, store)
        return own
    if fold is None or name == "everybody" or (fold == own.fold and name in (None, usual)):
        _refuse_other(name, fold, usual, own.fold, trained)
        return own
    other = choose_split(store, name or usual, fold)
    refuse_overlap(own.train, other.test)
    refuse_overlap(own.train, other.validation, other="validation")
    refuse_overlap(own.validation, other.test, one="the validation of the model, which chooses by them,")
    return other


def judged_by(split: Split, side: Side) -> Split:
    """Return the split with those of a side as the ones to test, nobody else held out."""
    return split if side == "test" else replace(split, test=getattr(split, side), validation=())


def warn_if_learned_from(method: Method, split: Split) -> None:
    """Warn where a method's weights come from the very part that is chosen by, as a set's own part may.

    Warns:
        UserWarning: Saying which methods it favours.
    """
    if split.by == "part" and "validation" in method.streams:
        warnings.warn(
            "this method has learned its weights by the validation part of the set: what is judged or chosen "
            "by it looks better than that of methods that have not",
            stacklevel=3,
        )


def refuse_other_parts(split: Split, store: Store) -> None:
    """Raise a SplitError if a store has other parts than the model was trained with."""
    if split.by == "part" and split != choose_split(store, "parts"):
        raise SplitError(f"the parts of {store.path} are not those that the model was trained with")


def _refuse_other(
    name: SplitName | None, fold: int | None, usual: SplitName | None, own_fold: int, why: str
) -> None:
    """Raise a SplitError if another split or fold is asked for than the one that holds somebody out."""
    if name not in (None, usual):
        asked = "everybody" if name == "everybody" else f"the split '{name}'"
        raise SplitError(
            f"{why}: {asked} would be tested with pictures it has learned from; leave --split out to test it "
            "on whom it has never seen"
        )
    if fold not in (None, own_fold):
        raise SplitError(f"{why}, which has one fold; leave --fold out")
