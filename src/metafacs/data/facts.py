"""What is known of each data set: title, evaluated AUs, published folds, printed rates. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PrintedRates:
    """How often action units occur, as one paper prints it; no measurement of ours.

    Attributes:
        printed_in: Where the rates are printed, and of which pictures.
        rates: FACS number -> share of the labelled pictures that show it, 0..1.
    """

    printed_in: str
    rates: Mapping[int, float]


@dataclass(frozen=True)
class DatasetFacts:
    """What is known of one data set before a picture of it is read.

    Attributes:
        name: As in stores and on the command line, e.g. ``raf_ce``.
        title: As tables print it, e.g. ``RAF-CE``.
        evaluated_aus: FACS numbers that the field evaluates on it; empty where no paper settles them.
        published_parts: Ids of its people in the parts that the published folds are made of; empty without
            such folds. Fold 1 tests the last part, fold 2 the one before.
        adld_validation: Ids of the people of the last part that ADLD validates on; it tests on the others of
            that part and trains on the parts before.
        rates: Printed rates, those to prefer first.
        pictures: Name of the collection that it shares its pictures with others from; empty = its own.
    """

    name: str
    title: str
    evaluated_aus: tuple[int, ...] = ()
    published_parts: tuple[tuple[str, ...], ...] = ()
    adld_validation: tuple[str, ...] = ()
    rates: tuple[PrintedRates, ...] = ()
    pictures: str = ""

    def printed_rate(self, au: int) -> tuple[float, str] | None:
        """Return the printed rate of an AU, 0..1, and where it is printed; None where none is known.

        >>> DISFA.printed_rate(25)
        (0.262, 'Shang & Liu, Table 1, training people, intensity 2 and above')
        """
        for table in self.rates:
            if au in table.rates:
                return table.rates[au], table.printed_in
        return None


BP4D = DatasetFacts(
    name="bp4d",
    title="BP4D",
    # By MAL, JAA-Net and MAML-AU.
    evaluated_aus=(1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24),
    # Published with JAA-Net, used by ME-GraphAU.
    published_parts=(
        (
            *("F001", "M007", "F018", "F008", "F002", "M004", "F010"),
            *("F009", "M012", "M001", "F016", "M014", "F023", "M008"),
        ),
        (
            *("M011", "F003", "M010", "M002", "F005", "F022", "M018"),
            *("M017", "F013", "M016", "F020", "F011", "M013", "M005"),
        ),
        (
            *("F007", "F015", "F006", "F019", "M006", "M009"),
            *("F012", "M003", "F004", "F021", "F017", "M015", "F014"),
        ),
    ),
    adld_validation=("F012", "M003", "F004", "F021", "F017", "M015", "F014"),
    rates=(
        PrintedRates(
            "BP4D's twelve evaluated AUs, all people (docs/twins.md)",
            {
                **{1: 0.21, 2: 0.17, 4: 0.20, 6: 0.46, 7: 0.55, 10: 0.59},
                **{12: 0.56, 14: 0.47, 15: 0.17, 17: 0.34, 23: 0.17, 24: 0.15},
            },
        ),
        PrintedRates(
            "Shang & Liu, Table 1, training people",
            {1: 0.184, 2: 0.146, 4: 0.198, 5: 0.033, 6: 0.440, 9: 0.057, 12: 0.540, 17: 0.342},
        ),
    ),
)

DISFA = DatasetFacts(
    name="disfa",
    title="DISFA",
    # By MAL and JAA-Net.
    evaluated_aus=(1, 2, 4, 6, 9, 12, 25, 26),
    # Published with JAA-Net, used by ME-GraphAU.
    published_parts=(
        ("SN002", "SN010", "SN001", "SN026", "SN027", "SN032", "SN030", "SN009", "SN016"),
        ("SN013", "SN018", "SN011", "SN028", "SN012", "SN006", "SN031", "SN021", "SN024"),
        ("SN003", "SN029", "SN023", "SN025", "SN008", "SN005", "SN007", "SN017", "SN004"),
    ),
    rates=(
        PrintedRates(
            "Shang & Liu, Table 1, training people, intensity 2 and above",
            {
                **{1: 0.043, 2: 0.036, 4: 0.122, 5: 0.008, 6: 0.072, 9: 0.031},
                **{12: 0.129, 17: 0.044, 25: 0.262, 26: 0.088},
            },
        ),
    ),
)

# AUs by MAL and JAA-Net; the set comes with lists of the people to train on and to test.
GFT = DatasetFacts(name="gft", title="GFT", evaluated_aus=(1, 2, 4, 6, 10, 12, 14, 15, 23, 24))

FACTS: dict[str, DatasetFacts] = {
    facts.name: facts
    for facts in (
        BP4D,
        DISFA,
        GFT,
        DatasetFacts("emotionet", "EmotioNet"),
        DatasetFacts("raf_db", "RAF-DB"),
        DatasetFacts("raf_db_compound", "RAF-DB compound"),
        # Labelled thrice: RAF-AU and RAF-CE code pictures of RAF-ML, under the same names.
        DatasetFacts("raf_ml", "RAF-ML", pictures="RAF-ML"),
        DatasetFacts("raf_au", "RAF-AU", pictures="RAF-ML"),
        DatasetFacts("raf_ce", "RAF-CE", pictures="RAF-ML"),
        DatasetFacts("raf_ce_lab", "RAF-CE laboratory"),
        DatasetFacts("pretraining_faces", "pre-training faces"),
        DatasetFacts("people", "rendered people"),
    )
}
"""Name of the data set -> what is known of it. No printed rates of EmotioNet are known here."""


def facts_of(name: str) -> DatasetFacts:
    """Return what is known of a data set; of one that is not listed, e.g. a user's own, no more than a title.

    >>> facts_of("gft").evaluated_aus
    (1, 2, 4, 6, 10, 12, 14, 15, 23, 24)
    >>> facts_of("my_faces").title, facts_of("my_faces").published_parts
    ('MY-FACES', ())
    """
    return FACTS.get(name) or DatasetFacts(name, name.upper().replace("_", "-"))


def dataset_title(name: str) -> str:
    """Return the name of a data set as tables print it.

    >>> dataset_title("raf_ce"), dataset_title("emotionet"), dataset_title("my_faces")
    ('RAF-CE', 'EmotioNet', 'MY-FACES')
    """
    return facts_of(name).title


def share_pictures(one: str, other: str) -> bool:
    """Return whether pictures of one data set are pictures of the other, by the same keys.

    >>> share_pictures("raf_au", "raf_ce"), share_pictures("bp4d", "bp4d"), share_pictures("bp4d", "disfa")
    (True, True, False)
    """
    return one == other or facts_of(one).pictures == facts_of(other).pictures != ""
