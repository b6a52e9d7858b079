from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from metafacs.checkpoints.checkpoint import Checkpoint
from metafacs.checkpoints.description import Description, Framing
from metafacs.evaluation.records import Record
from metafacs.faces.alignment import AlignmentSpec
from metafacs.models.model_file import UsedData
from metafacs.reports.model_card import CardError, model_card

AUS = (1, 2, 4, 6, 12)
PRETRAINED = {
    "choice": "pretrained",
    "sha256": "0" * 16,
    "timm": "1.0.31",
    "repository": "timm/convnextv2_atto.fcmae_ft_in1k",
    "licence": "cc-by-nc-4.0",
}


@pytest.fixture
def checkpoint() -> Checkpoint:
    known = Description(
        Framing(64, 72, AlignmentSpec()),
        synthetic=True,
        data=(UsedData("bp4d", synthetic=True), UsedData("raf_db")),
        licence="trained on licensed pictures: the terms of raf_db",
        pictures={"au": 1200},
        thresholds={12: 0.31},
        more={"initial_weights": PRETRAINED, "experimental": [4]},
    )
    options: dict[str, Any] = {"backbone": {"name": "timm:convnextv2_atto", "weights": "none"}}
    return Checkpoint("mal", options, AUS, (), {}, known, iteration=200)


def front_matter(card: str) -> dict[str, Any]:
    _, text, _ = card.split("---\n", 2)
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def test_the_front_matter_is_what_the_hub_reads(checkpoint: Checkpoint) -> None:
    assert front_matter(model_card(checkpoint, "lab/faces")) == {
        "license": "other",
        "license_name": "see-model-card",
        "library_name": "metafacs",
        "pipeline_tag": "image-classification",
        "tags": ["facial-action-units", "facs", "method-mal", "synthetic-data"],
        "base_model": "timm/convnextv2_atto.fcmae_ft_in1k",
    }
    assert front_matter(model_card(checkpoint, "lab/faces", licence="mit"))["license"] == "mit"


def test_it_tells_data_licences_action_units_and_how_to_use_it(checkpoint: Checkpoint) -> None:
    card = model_card(checkpoint, "lab/faces")
    for line in (
        "| 12 | Lip corner puller |  | 0.31 |",
        "| 4 | Brow lowerer | experimental | 0.50 |",
        "- `bp4d`: rendered faces (*synthetic*)",
        "- `raf_db`: licensed pictures",
        "- **These weights**: nobody has chosen a licence.",
        "- **Training data**: trained on licensed pictures: the terms of raf_db.",
        "published by timm under cc-by-nc-4.0; its terms hold for what was trained from them.",
        "No test of this model was published with it.",
        'detector = load_detector("hf:lab/faces")',
    ):
        assert line in card


def test_scores_are_those_of_the_records(checkpoint: Checkpoint, record_of: Callable[..., Record]) -> None:
    record = record_of("mal")
    card = model_card(checkpoint, "lab/faces", [record])
    assert "| F1 | bp4d (*synthetic*) |" in card
    assert f"| AU12 | {record.f1[12]:.3f} |" in card
    assert f"| **average** | {record.f1_average:.3f} |" in card
    assert "Held out from training: 3fold, fold 1, 8 people, thresholds: 0.5." in card
    (counts, *_) = record.per_subject.values()
    present = [tp + fn for tp, fn in zip(counts["tp"], counts["fn"], strict=True)]
    positives = dict(zip(record.aus, present, strict=True))
    unknown = replace(record, per_subject={"": counts}, positives=positives)
    assert "3fold, fold 1, pictures, thresholds" in model_card(checkpoint, "lab/faces", [unknown])


def test_records_of_other_models_are_refused(
    checkpoint: Checkpoint, record_of: Callable[..., Record], lost_record_of: Callable[..., Record]
) -> None:
    for record in (record_of("single_task"), record_of("mal", seed=1)):
        with pytest.raises(CardError, match="is of another model"):
            model_card(checkpoint, "lab/faces", [record])
    with pytest.raises(CardError, match="a run without scores"):
        model_card(replace(checkpoint, iteration=90), "lab/faces", [lost_record_of("mal")])
    with pytest.raises(CardError, match="no short name of a licence"):
        model_card(checkpoint, "lab/faces", licence="MIT: do what you want")


def test_texts_of_a_file_are_no_marks(checkpoint: Checkpoint) -> None:
    known = replace(checkpoint.description, licence="[free](http://x) <b>", data=(UsedData("a\n# b"),))
    card = model_card(replace(checkpoint, description=known), "lab/faces")
    assert "[free\\](http://x) \\<b>" in card
    assert "\n# b" not in card
