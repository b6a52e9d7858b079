"""Methods and backbones of one's own, named for models that were trained with them."""

from __future__ import annotations

from jsonargparse import ArgumentParser, Namespace

from metafacs.methods import find_method
from metafacs.models.backbones import find_backbone


def add_foreign_options(parser: ArgumentParser) -> None:
    """Add the options that allow a model's foreign method or backbone to be imported."""
    for option, what in (("--method", "method"), ("--backbone", "backbone")):
        parser.add_argument(
            option,
            type=str | None,
            default=None,
            help=f"module:Name of a {what} of your own that the models were trained with; nothing that a "
            "model file names is imported without it",
        )


def import_foreign(arguments: Namespace) -> None:
    """Import what the user named, so that the models may use it.

    Raises:
        PluginError: If it cannot be imported.
    """
    if arguments.method is not None:
        find_method(arguments.method)
    if arguments.backbone is not None:
        find_backbone(arguments.backbone)
