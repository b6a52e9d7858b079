"""What trained models have learned: weights of pictures, conflict between the tasks, attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from metafacs.analysis.sample_weights import WeighedPictures
from metafacs.analysis.told_apart import ToldApart
from metafacs.data.store import Store
from metafacs.evaluation.statistics import Estimate
from metafacs.reports.ambiguity import low_weight_for_ambiguous
from metafacs.reports.claims import Claim
from metafacs.reports.papers.claimed import LowWeightForAmbiguous
from metafacs.reports.pictures import PictureRow, embedded, weight_rows
from metafacs.reports.style import INK, MUTED, PALETTE, blank_figure, house_style, row_colours, task_colour
from metafacs.reports.tables import Column, Table

_BINS = 8
_OPACITY = 0.55


def ranked_pictures(found: WeighedPictures, store: Store) -> list[PictureRow]:
    """Return one row per expression with its lowest- and highest-weighted pictures."""
    pictures = [store.image(int(row)) for row in found.rows]
    return weight_rows(
        pictures, found.weights, found.labels, store.expressions, consistency=found.consistency
    )


def consistency_claims(claimed: LowWeightForAmbiguous, found: WeighedPictures, store: Store) -> list[Claim]:
    """Answer whether ambiguous pictures weigh less; nothing where fewer than three have votes."""
    if found.consistency is None or (known := ~np.isnan(found.consistency)).sum() < 3:
        return []
    weights, consistency, labels = (
        values[known] for values in (found.weights, found.consistency, found.labels)
    )
    return [
        low_weight_for_ambiguous(claimed, weights, consistency, labels=labels, class_names=store.expressions)
    ]


def weight_against_consistency(found: WeighedPictures, names: Sequence[str], *, title: str) -> Figure:
    """Draw the learned weight against the annotators' agreement, one panel per expression.

    Dots are pictures; the line joins the mean weights of bins of about equally many pictures.

    Args:
        found: Weighed pictures with votes.
        names: Name of each expression.
        title: Title of the figure.

    Raises:
        ValueError: If there are no votes.
    """
    if found.consistency is None:
        raise ValueError("the store holds no votes of annotators to draw the weights against")
    rows = -(-len(names) // 4)
    figure, axes = blank_figure(10.2, 0.5 + 2.1 * rows, rows, 4)
    with house_style():
        figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold")
        for panel, (code, name) in zip(axes, enumerate(names), strict=False):
            chosen = (found.labels == code) & ~np.isnan(found.consistency)
            agreement, weights = found.consistency[chosen], found.weights[chosen]
            panel.plot(agreement, weights, ".", color=MUTED, markersize=1.8, alpha=0.35)
            order = np.argsort(agreement, kind="stable")
            bins = [part for part in np.array_split(order, _BINS) if len(part)]
            panel.plot(
                [agreement[part].mean() for part in bins],
                [weights[part].mean() for part in bins],
                color=task_colour("expression"),
                linewidth=1.8,
            )
            panel.set_title(f"{name} ({int(chosen.sum())})")
        for panel in axes[len(names) :]:
            panel.set_axis_off()
        for panel in axes[max(0, len(names) - 4) : len(names)]:
            panel.set_xlabel("share of votes for the label")
        for panel in axes[::4]:
            panel.set_ylabel("weight")
    return figure


def told_apart_table(found: Mapping[str, ToldApart]) -> Table:
    """Return mean weights by what carries the expression and by correctness of the label, with their AUC.

    Args:
        found: Model name -> what its weights say of the pictures of a twin.
    """
    carriers = list(dict.fromkeys(kind for each in found.values() for kind in each.carriers))
    labels = list(dict.fromkeys(kind for each in found.values() for kind in each.labels))
    rows = []
    for name, each in found.items():
        kinds = [each.carriers.get(kind) for kind in carriers] + [each.labels.get(kind) for kind in labels]
        weights = ["" if kind is None else f"{kind.mean:.3f} ({kind.pictures:,})" for kind in kinds]
        areas = [each.carrier, *([each.label] if labels else [])]
        rows.append((name, *weights, *(area_in_words(area) for area in areas)))
    heads = [kind.replace("_", " ").replace("none", "situation only") for kind in carriers]
    return Table(
        title="Do learned weights tell which expression pictures are good? (synthetic)",
        columns=(
            Column("model", text=True),
            *(Column(head, "mean weight by carrier (pictures)") for head in heads),
            *(Column(head, "by label") for head in labels),
            Column("AUC, carrier", "synthetic"),
            *([Column("AUC, label", "synthetic")] if labels else []),
        ),
        rows=tuple(rows),
        note="AUC: how often a picture whose expression action units carry, or whose label is right, weighs "
        "more than one of which this is not so; .5 is chance. In brackets the 95% interval over people. "
        "Neutral pictures have no carrier and are left out of its AUC.",
        name="weights_by_carrier",
    )


def area_in_words(area: Estimate | None) -> str:
    """Return an AUC with its interval; empty if there is none."""
    return "" if area is None else f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f})"


def gradient_cosine_figure(cosines: Mapping[str, np.ndarray]) -> Figure:
    """Draw how the two tasks' gradients agree, one row per model: dots are batches, the bar their mean.

    Args:
        cosines: Model name -> cosine per batch.
    """
    figure, (axes,) = blank_figure(7.2, 0.9 + 0.45 * len(cosines))
    colours = row_colours(list(cosines), {})
    with house_style():
        for place, (name, values) in enumerate(cosines.items()):
            colour = PALETTE[colours[name]]
            axes.plot(values, np.full(len(values), place), "|", color=colour, markersize=11, alpha=0.7)
            axes.plot([values.mean()], [place], "o", color=INK, markersize=5)
        axes.axvline(0, color=MUTED, linewidth=0.8, linestyle=(0, (2.5, 2)))
        axes.set_yticks(range(len(cosines)), list(cosines))
        axes.set_ylim(len(cosines) - 0.5, -0.5)
        axes.grid(visible=False)
        axes.set_xlabel("cosine of the two gradients")
        axes.set_title("Do the two tasks agree?")
    return figure


def overlaid(picture: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """Return a picture with an attention map on it, strong where the map is.

    Args:
        picture: ``height x width x 3``, uint8.
        attention: ``height x width``, 0 to 1.
    """
    colours = 255 * colormaps["inferno"](attention)[..., :3]
    opacity = (_OPACITY * attention)[..., None]
    return np.asarray(picture * (1 - opacity) + colours * opacity, dtype=np.uint8)


def attention_row(
    heading: str,
    pictures: np.ndarray,
    maps: np.ndarray,
    probabilities: Sequence[float],
    answers: Sequence[str] = (),
) -> PictureRow:
    """Return pictures with their attention maps as one row.

    Args:
        heading: Which model and action unit or expression.
        pictures: ``batch x height x width x 3``, uint8.
        maps: ``batch x height x width``, 0 to 1.
        probabilities: ``batch``, what the model says of each picture.
        answers: What each probability is of, where the heading does not say it.
    """
    shown = []
    for number, (picture, drawn, probability) in enumerate(zip(pictures, maps, probabilities, strict=True)):
        answer, note = answers[number] if answers else "", f"{probability:.2f}"
        alt = f"{heading}: attention, probability{f' of {answer}' if answer else ''} {note}"
        shown.append(embedded(overlaid(picture, drawn), alt=alt, corner=note, caption=answer))
    return PictureRow(heading, tuple(shown))
