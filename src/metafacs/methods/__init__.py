"""Published methods, one per file, and how a method is found by its name.

A new method of the package is one file and one line in :data:`METHODS`; one of your own is named
``module:Class``, or by an entry point of the group ``metafacs.methods``.
"""

from __future__ import annotations

from metafacs.methods.adda import ADDA
from metafacs.methods.adld import ADLD
from metafacs.methods.anil import ANIL
from metafacs.methods.any_au import AnyAU
from metafacs.methods.any_au_by_person import AnyAUByPerson
from metafacs.methods.base import Learner, Method
from metafacs.methods.compound_multi_task import CompoundMultiTask
from metafacs.methods.dann import DANN
from metafacs.methods.dual_domain import DualDomain
from metafacs.methods.dynamic_weight_average import DynamicWeightAverage
from metafacs.methods.few_shot import FewShotLearner
from metafacs.methods.l2t_ww import L2TWW
from metafacs.methods.learning_to_reweight import LearningToReweight
from metafacs.methods.mal import MAL
from metafacs.methods.maml import MAML
from metafacs.methods.mesh_reader import MeshReader
from metafacs.methods.meta_sgd import MetaSGD
from metafacs.methods.meta_weight_net import MetaWeightNet
from metafacs.methods.mml import MML
from metafacs.methods.mtan import MTAN
from metafacs.methods.multi_task import MultiTask
from metafacs.methods.pretraining import FacePretraining
from metafacs.methods.single_task import SingleTask
from metafacs.methods.single_task_expression import SingleTaskExpression
from metafacs.methods.source_only import SourceOnly
from metafacs.methods.uncertainty_weighting import UncertaintyWeighting
from metafacs.plugins import PluginError, Registry

METHODS: dict[str, type[Method]] = {
    "single_task": SingleTask,
    "single_task_expression": SingleTaskExpression,
    "multi_task": MultiTask,
    "uncertainty_weighting": UncertaintyWeighting,
    "dynamic_weight_average": DynamicWeightAverage,
    "mtan": MTAN,
    "l2t_ww": L2TWW,
    "learning_to_reweight": LearningToReweight,
    "meta_weight_net": MetaWeightNet,
    "mal": MAL,
    "compound_multi_task": CompoundMultiTask,
    "mml": MML,
    "source_only": SourceOnly,
    "dann": DANN,
    "adda": ADDA,
    "adld": ADLD,
    "dual_domain": DualDomain,
    "mesh_reader": MeshReader,
}
"""Name on the command line -> class."""

FEW_SHOT: dict[str, type[FewShotLearner]] = {
    "maml": MAML,
    "baseline": AnyAU,
    "baseline_by_person": AnyAUByPerson,
    "anil": ANIL,
    "meta_sgd": MetaSGD,
}
"""Name -> learner that is adapted to a person and an action unit before it detects anything."""

PRETRAINING = "pretraining"
"""Name of the learner behind ``metafacs pretrain``."""

_METHODS: Registry[type[Method]] = Registry(
    "method",
    "metafacs.methods",
    METHODS,
    lambda found: (
        None
        if isinstance(found, type) and issubclass(found, Method)
        else "inherit from metafacs.Method or metafacs.SingleLossMethod"
    ),
    "--method",
)


def find_method(method: str | type[Method], *, named: bool = True) -> type[Method]:
    """Return the class of a method.

    Args:
        method: Name in ``METHODS``, ``module:Class``, name of an entry point, or the class itself.
        named: Whether a user gave the name; what only a file names is not imported, see
            :meth:`metafacs.plugins.Registry.find`.

    Raises:
        PluginError: If there is no such method.
    """
    return method if isinstance(method, type) else _METHODS.find(method, named=named)


def installed_methods(broken: list[str]) -> dict[str, type[Method]]:
    """Return the methods that other installed packages offer, by their names.

    Args:
        broken: Takes what is wrong with those that cannot be imported, a sentence each.
    """
    found = {}
    for name in _METHODS.installed:
        try:
            found[name] = find_method(name)
        except PluginError as error:
            broken.append(str(error))
    return found


def method_name(method: type[Method]) -> str:
    """Return the name that finds a method again: its short one, else ``module:Class``."""
    return _METHODS.name_of(method)


def find_learner(name: str) -> type[Learner]:
    """Return the class of a learner that a model file names: a method, a few-shot learner or pre-training.

    Raises:
        PluginError: If there is none, or it is foreign and nobody has imported it.
    """
    own: dict[str, type[Learner]] = {**FEW_SHOT, PRETRAINING: FacePretraining}
    return own[name] if name in own else find_method(name, named=False)
