"""What an attack is, and the kinds of attacks by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from attacks.ground import Ground
from attacks.interruptions import attack_with_another, attack_with_full_disk, attack_with_kill
from attacks.models import attack_model, attack_person, attack_run
from attacks.other_inputs import attack_with_other_inputs
from attacks.pictures import attack_name, attack_picture, attack_video
from attacks.power_cuts import attack_with_power_cut
from attacks.predictions import attack_prediction
from attacks.readers import attack_reader
from attacks.records import attack_archive, attack_comparison, attack_few_shot_record, attack_record
from attacks.settings import attack_option, attack_yaml
from attacks.stores import attack_preparation, attack_store
from attacks.tables import attack_coding, attack_labels, attack_support
from attacks.twins import attack_twin
from attacks.verdicts import Finding

Attack = Callable[[Ground, Random, Path], Finding]
"""Does one attack in an empty folder, as chance has it."""


@dataclass(frozen=True)
class Kind:
    """Attacks of one kind.

    Attributes:
        attack: Does one of them.
        share: How many of 5,000 attacks are of this kind.
        seconds: After which an attack counts as stuck.
    """

    attack: Attack
    share: int
    seconds: float = 120.0


_LONG = 300.0
"""Seconds that attacks may take that give commands several times."""

KINDS: dict[str, Kind] = {
    "stores read": Kind(attack_store, 500),
    "stores prepared again": Kind(attack_preparation, 200, seconds=_LONG),
    "twins": Kind(attack_twin, 60, seconds=_LONG),
    "other inputs": Kind(attack_with_other_inputs, 140, seconds=_LONG),
    "models": Kind(attack_model, 550),
    "persons": Kind(attack_person, 300),
    "runs": Kind(attack_run, 200, seconds=_LONG),
    "records": Kind(attack_record, 300),
    "few-shot records": Kind(attack_few_shot_record, 150),
    "archives": Kind(attack_archive, 150),
    "comparisons": Kind(attack_comparison, 150, seconds=_LONG),
    "yaml": Kind(attack_yaml, 200),
    "options": Kind(attack_option, 150),
    "readers": Kind(attack_reader, 900),
    "support lists": Kind(attack_support, 200),
    "tables of labels": Kind(attack_labels, 150),
    "codings": Kind(attack_coding, 300),
    "predictions": Kind(attack_prediction, 100),
    "pictures": Kind(attack_picture, 250),
    "videos": Kind(attack_video, 100),
    "names": Kind(attack_name, 100),
    "kills": Kind(attack_with_kill, 200, seconds=_LONG),
    "power cuts": Kind(attack_with_power_cut, 250, seconds=_LONG),
    "two processes": Kind(attack_with_another, 60, seconds=_LONG),
    "full disks": Kind(attack_with_full_disk, 90, seconds=_LONG),
}
"""Name -> attacks of that kind."""
