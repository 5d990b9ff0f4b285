"""README.md of an exported `transformers` model: what it is, how well it does, and the lines that use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Template
from textwrap import fill
from typing import Any

from workflow_scripts.direction import Direction, joined
from workflow_scripts.formats.transformers_folder import Written
from workflow_scripts.scoring.names import called

WIDTH = 120

CARD = Template("""\
---
library_name: transformers
pipeline_tag: translation
license: $license
language: [$languages]
tags: [translation, neuron-specialization, m2m_100]
---
# $title

$about

## Use

$text

```python
$imports

FOLDER = "."  # this folder
$guard
model = M2M100ForConditionalGeneration.from_pretrained(FOLDER).eval()
tokenizer = $tokenizer.from_pretrained(FOLDER)


class RankAsFairseq(LogitsProcessor):
    \"\"\"First the tag and last the end of sentence, with their own log-probabilities; never padding.\"\"\"

    def __init__(self, tag, max_length):
        self.tag, self.last = tag, max_length - 1

    def __call__(self, input_ids, scores):
        scores[:, model.config.pad_token_id] = -torch.inf
        length = input_ids.shape[1]
        if 1 < length < self.last:
            return scores
        only = self.tag if length == 1 else model.config.eos_token_id
        allowed = torch.full_like(scores, -torch.inf)
        allowed[:, only] = scores[:, only]
        return allowed

$specialize
def text(ids, tag):
    silent = {tag, model.config.bos_token_id, model.config.pad_token_id, model.config.eos_token_id}
    pieces = tokenizer.convert_ids_to_tokens([id for id in ids.tolist() if id not in silent])
    return "".join(pieces).replace("\\N{LOWER ONE EIGHTH BLOCK}", " ").strip()


$translate


$example
```

## Scores

$scores

## Data

$data

## Licence

$licence
""")

GUARD = """
if int(transformers.__version__.split(".")[0]) < 5:
    raise SystemExit("transformers 4 can take all embeddings for one table, wrong for this model: use 5")
"""
VERSIONS = {True: "4.57 and 5", False: "5 (earlier ones can be silently wrong, and are refused below)"}

ONE_DIRECTION = """\
def translate(lines):
    batch = tokenizer(lines, return_tensors="pt", padding=True, truncation=True)
$unknown    tag = tokenizer.convert_tokens_to_ids("$target")
    ranking = RankAsFairseq(tag, model.generation_config.max_length)
    found = model.generate(**batch, forced_bos_token_id=None, logits_processor=LogitsProcessorList([ranking]))
    return [text(line, tag) for line in found]"""

ALL_DIRECTIONS = """\
def translate(lines, source, target):
$activate    first, tag = (tokenizer.convert_tokens_to_ids(f"__{language}__") for language in (source, target))
    room = tokenizer.model_max_length - 1
    ids = [[first, *line] for line in tokenizer(lines, truncation=True, max_length=room)["input_ids"]]
    batch = tokenizer.pad({"input_ids": ids}, return_tensors="pt")
$unknown    ranking = RankAsFairseq(tag, model.generation_config.max_length)
    found = model.generate(**batch, logits_processor=LogitsProcessorList([ranking]))
    return [text(line, tag) for line in found]"""

ONE_ORIGINAL = """\
def translate(lines):
    tokenizer.src_lang = "$source"
    batch = tokenizer(lines, return_tensors="pt", padding=True, truncation=True, max_length=$room)
    ranking = RankAsFairseq($target, model.generation_config.max_length)
    found = model.generate(**batch, forced_bos_token_id=None, logits_processor=LogitsProcessorList([ranking]))
    return [text(line, $target) for line in found]"""

ALL_ORIGINAL = """\
TAGS = $tags


def translate(lines, source, target):
$activate    tokenizer.src_lang = TAGS[source][0]
    batch = tokenizer(lines, return_tensors="pt", padding=True, truncation=True, max_length=$room)
    tag = TAGS[target][1]
    ranking = RankAsFairseq(tag, model.generation_config.max_length)
    found = model.generate(**batch, logits_processor=LogitsProcessorList([ranking]))
    return [text(line, tag) for line in found]"""

UNKNOWN = """\
    # Pieces of the tokenizer that training never met have no row in the model.
    batch["input_ids"][batch["input_ids"] >= model.config.vocab_size] = tokenizer.unk_token_id
"""

SPECIALIZE = '''
sets, hooks = load_file(f"{FOLDER}/neuron_sets.safetensors"), []


def specialize(direction):
    """The model of one direction: a neuron outside its set emits a constant, that of its bias."""
    while hooks:
        hooks.pop().remove()
    for name, bits in sets.items():
        of, component, layer = name.rsplit(".", 2)
        if of == direction:
            fc1 = getattr(model.model, component).layers[int(layer)].fc1
            kept = torch.from_numpy(numpy.unpackbits(bits, count=fc1.out_features).astype(bool)).to(fc1.bias.device)
            hooks.append(fc1.register_forward_hook(lambda fc1, _, out, kept=kept: torch.where(kept, out, fc1.bias)))
    assert hooks, f"no neuron sets for {direction}"

'''
ROOM = "model.config.max_position_embeddings"
ACTIVATE = '    specialize(f"{source}-{target}")\n'


@dataclass(frozen=True)
class Card:
    """What the card tells. `pair` None is the whole model; `scores` are rows as `scoring.tables` reads them.

    `tags` says, where the tokenizer is a pretrained model's own, what that calls the languages, and their rows.
    """

    system: str
    pair: Direction | None
    directions: Sequence[Direction]
    masked: bool
    version: str
    licence: str
    written: Written
    tokenization: str
    neurons: str
    data: Mapping[str, Any]
    scores: Sequence[Mapping[str, Any]]
    tags: Mapping[str, tuple[str, int]] = field(default_factory=dict)


def render(card: Card) -> str:
    """The text of README.md."""
    codes = dict.fromkeys(code for one in ([card.pair] if card.pair else card.directions) for code in one.languages)
    translate = _translate(card)
    if card.pair:
        example = 'print(translate(["…", "…"]))'
    else:
        source, target = card.directions[0].languages
        example = f'print(translate(["…", "…"], "{source}", "{target}"))'
    sets = card.masked and not card.pair
    tokenizer = "AutoTokenizer" if card.tags else "PreTrainedTokenizerFast"
    return CARD.substitute(
        license=card.licence,
        languages=", ".join(f'"{code}"' for code in codes),
        title=f"{card.system}, {card.pair}" if card.pair else card.system,
        about=_about(card),
        text=_text(card),
        versions=VERSIONS[card.written.shared_embeddings],
        imports=_imports(sets, guarded=not card.written.shared_embeddings, tokenizer=tokenizer),
        tokenizer=tokenizer,
        guard="" if card.written.shared_embeddings else GUARD,
        specialize=SPECIALIZE if sets else "",
        translate=translate,
        example=example,
        scores=_scores(card.scores),
        data=_data(card.data),
        licence=_licence(card.licence),
    )


def _translate(card: Card) -> str:
    """The lines that define `translate`."""
    unknown, activate = UNKNOWN if card.written.beyond else "", ACTIVATE if card.masked else ""
    if card.pair and card.tags:
        (source, _), (_, target) = (card.tags[code] for code in card.pair.languages)
        return Template(ONE_ORIGINAL).substitute(source=source, target=target, room=ROOM)
    if card.tags:
        tags = "".join(f'    "{code}": ("{name}", {row}),\n' for code, (name, row) in card.tags.items())
        return Template(ALL_ORIGINAL).substitute(tags=f"{{\n{tags}}}", activate=activate, room=ROOM)
    if card.pair:
        return Template(ONE_DIRECTION).substitute(unknown=unknown, target=card.pair.tags[1])
    return Template(ALL_DIRECTIONS).substitute(unknown=unknown, activate=activate)


def _imports(sets: bool, guarded: bool, tokenizer: str) -> str:
    lines = ["import numpy"] if sets else []
    lines += ["import torch"] + (["import transformers"] if guarded else [])
    lines += ["from safetensors.numpy import load_file"] if sets else []
    names = sorted(["LogitsProcessor", "LogitsProcessorList", "M2M100ForConditionalGeneration", tokenizer])
    return "\n".join([*lines, f"from transformers import {', '.join(names)}"])


def _about(card: Card) -> str:
    made = f"made by version {card.version}"
    if card.pair:
        return fill(f"One direction of a multilingual Transformer, {card.pair}, {made}. {card.neurons}", WIDTH)
    text = f"A multilingual Transformer, {made}, for the directions {joined(card.directions).replace(',', ', ')}."
    if card.masked:
        text += (
            " Each direction uses the neurons of its own sets (Neuron Specialization), in `neuron_sets.safetensors`: "
            "without `specialize` below it is a model that was trained for no direction."
        )
    return fill(text, WIDTH, break_on_hyphens=False)


def _text(card: Card) -> str:
    text = "Text is expected in Unicode's composed form (NFC), without invisible characters, as it was in training."
    if card.tokenization == "moses":
        text += (
            " Before, it must be tokenized by sacremoses (`MosesTokenizer(lang=…).tokenize(line, escape=False, "
            "return_str=True)`); translations are to be detokenized."
        )
    if card.written.normalizes:
        text += " Stacked combining marks and half-width kana can be cut otherwise than in training."
    text += (
        f" Made for transformers {VERSIONS[card.written.shared_embeddings]}. `RankAsFairseq` makes `generate` rank "
        "translations as fairseq does, which counts the probability of the language tag: without it about one in ten "
        "differs."
    )
    return fill(text, WIDTH)


def _scores(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "None are known: the run has not scored this system."
    lines = ["| test set | direction | metric | score | signature |", "|---|---|---|---|---|"]
    for row in rows:
        name = row["metric"] if row["text"] == "raw" else f"{row['metric']} ({row['text']})"
        digits = called(row["metric"]).digits
        lines.append(
            f"| {row['test_set']} | {row['pair']} | {name} | {row['score']:.{digits}f} | `{row['signature']}` |"
        )
    return "\n".join(lines)


def _data(data: Mapping[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in data.items())


def _licence(name: str) -> str:
    if name != "other":
        return f"`{name}`, as whoever exported the model states."
    return (
        "Not stated: the terms of the training data decide it, which this project does not know. Export with "
        "`--license NAME`,\nor fill in `license` above, before you pass the model on."
    )
