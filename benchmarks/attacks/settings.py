"""Hostile YAML, and options out of their range."""

from __future__ import annotations

from pathlib import Path
from random import Random

from attacks.commands import judge_command, run_here
from attacks.damage import damaged_bytes
from attacks.ground import Ground
from attacks.verdicts import RIGHT, WRONG, Finding, judge_error
from metafacs.cli.comparison_file import plan_runs, read_comparison

_ANCHORS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(9)
)
_ODD = (
    *(
        "null",
        "[]",
        "{}",
        "x",
        "'x'",
        "7",
        "-1",
        "0.5",
        ".nan",
        ".inf",
        "[1]",
        "[[1]]",
        "{a: 1}",
        "true",
        "1e400",
    ),
    *(
        "!!python/object/apply:os.system ['touch owned']",
        "!!python/name:os.system",
        "!!binary x",
        "&c {a: *c}",
    ),
    *("[" * 3000 + "]" * 3000, "{a: " * 3000 + "1" + "}" * 3000, "9" * 5000, "2024-01-01", "'[/red]'", "*j"),
    *("'../../escaped'", "'a\\nb'", '"\\x1b[2J"', "'" + "w" * 5000 + "'", "0x10", "1_000", "~", '"\\ud800"'),
)

_REFUSED: dict[str, tuple[str, ...]] = {
    "train --iterations": ("0", "-5", "1e3x", "nan"),
    "train --checkpoint_every": ("0", "-1"),
    "train --size": ("0", "-1", "4", "49", "100000"),
    "train --aus": ("[]", "[1,1]", "[99]", "[3]", "[-1]", "[1.5]"),
    "train --fold": ("0", "4", "-1"),
    "train --validation_people": ("-1", "99"),
    "train --batch.au": ("0", "-3", "1000000000"),
    "train --seed": ("-1", "18446744073709551616", "x"),
    "train --reserve": ("-1", "2", "nan"),
    "train --augmentation.flip": ("7", "-1", "nan"),
    "train --augmentation.brightness": ("nan", "-1", "1e9"),
    "train --accelerator": ("evil", "cuda", "tpu"),
    "train --split": ("evil", ""),
    "train --options.backbone": ("evil", "7", "os:system"),
    "train --initialise": ("/no/such", "/etc/passwd"),
    "train --optimizers": (
        *(
            '{"evil":{"name":"sgd","lr":1}}',
            '{"base":{"name":"sgd","lr":-1}}',
            '{"base":{"name":"sgd","lr":.nan}}',
        ),
        *('{"base":{"name":"evil","lr":1}}', "[1]", "x"),
    ),
    "prepare --size": ("0", "-1", "1", "1000000"),
    "prepare --workers": ("0", "-1", "x"),
    "prepare --alignment.box_enlarge": ("0", "-1", "nan", "1e308"),
    "prepare --alignment.border": ("-1", "256", "1000000000000"),
    "predict --device": ("cuda", "gpu", "mps", "evil"),
    "predict --every": ("0", "-1", "x"),
    "predict --fps": ("0", "-1", "nan"),
    "predict --workers": ("0", "-1"),
    "twin --seed": ("-1", "x"),
    "twin --workers": ("0", "-2"),
    "evaluate --split": ("everybody", "evil"),
    "evaluate --fold": ("0", "9", "-1"),
    "personalise --mode": ("evil",),
    "personalise --device": ("cuda", "evil"),
    "compare --workers": ("0", "-1"),
    "compare --folds": ("[0]", "[9]", "x", "[0.5]"),
    "compare --seeds": ("[-1]", "x", "[0.5]"),
    "compare --methods": ("[evil]", "[[1]]"),
}
"""Command and option -> values that must be refused, without a GPU on this machine."""


def attack_yaml(ground: Ground, chance: Random, place: Path) -> Finding:
    """Write a comparison's file with odd values in one place, or damaged, and plan its runs."""
    path = place / "comparison.yaml"
    text = ground.protocol.read_text()
    what = chance.randrange(6)
    if what == 0:
        attack, content = damaged_bytes(text.encode(), chance)
    elif what == 1:
        attack = "anchors that unfold"
        content = (_ANCHORS + text.replace("iterations: 1", "iterations: *j")).encode()
    else:
        attack, content = _with_odd_value(text, chance)
    path.write_bytes(content)
    if chance.random() < 0.25:
        # The same as a file of options.
        path.write_text(f"size: {chance.choice(_ODD)}\n" if what > 1 else content.decode("latin-1"))
        ended = run_here([*ground.train_words(place / "run"), "--config", path])
        return judge_command(ended, f"--config, {attack}", lambda: True, path.name, "size", "config")
    try:
        plan_runs(read_comparison(path), path)
    except Exception as error:
        found = judge_error(error, attack, path.name)
    else:
        # What a person writes may be anything that can be run.
        found = Finding(RIGHT, attack, "can be run")
    escaped = (place / "owned", place.parent / "escaped", Path("owned"))
    return Finding(WRONG, attack, "a command was run") if any(map(Path.exists, escaped)) else found


def attack_option(ground: Ground, chance: Random, place: Path) -> Finding:
    """Give an option a value that it cannot have."""
    option = chance.choice(sorted(_REFUSED))
    value = chance.choice(_REFUSED[option])
    command, _, name = option.partition(" ")
    words = {
        "train": ground.train_words(place / "out"),
        "prepare": ground.prepare_words(place / "out"),
        "predict": ground.predict_words(
            place / "out", ground.clip if "fps" in name or "every" in name else ground.face
        ),
        "twin": ["twin", "raf_db", "--preset", "tiny", "--root", place / "out", "--progress", "false"],
        "evaluate": ["evaluate", ground.model, "--action_units", ground.store, "--out", place / "out"],
        "personalise": ground.personalise_words(place / "out.safetensors"),
        "compare": ground.compare_words(place / "out"),
    }[command]
    ended = run_here([*words, f"{name}={value}"])
    said = name.lstrip("-").rpartition(".")[2]
    attack = f"{command} {name}={value}"
    names = (said, said.replace("_", " "), said.rstrip("s"), said[:6], value.strip("[]")[:20])
    return judge_command(ended, attack, lambda: "accepted", *names)


def _with_odd_value(text: str, chance: Random) -> tuple[str, bytes]:
    lines = text.split("\n")
    places = [i for i, line in enumerate(lines) if ":" in line]
    i = chance.choice(places)
    odd = chance.choice(_ODD)
    if "{" in lines[i]:
        key = chance.choice(
            ("action_units", "size", "iterations", "batch", "options", "method", "augmentation")
        )
        lines[i] = lines[i].replace("{", f"{{{key}: {odd}, ", 1)
    elif chance.random() < 0.3:
        key, odd = lines[i].split(":")[0].strip(), odd
        lines[i] = lines[i].replace(key, odd, 1)
    else:
        key = lines[i].split(":")[0].strip()
        lines[i] = f"{lines[i].split(':')[0]}: {odd}"
    return f"{key} is {odd[:40]}", "\n".join(lines).encode("utf-8", "surrogatepass")
