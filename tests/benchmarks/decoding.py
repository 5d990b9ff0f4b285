"""Sentences per second of the reference engine and of CTranslate2, and how alike their translations are."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
from sacrebleu.metrics import BLEU

from tests.benchmarks import machine, models
from workflow_scripts.decoding.ctranslate2_engine import Session
from workflow_scripts.decoding.options import Options
from workflow_scripts.fairseq_plugin import checkpoint as checkpoints
from workflow_scripts.fairseq_plugin.directions import load_direction, pieces
from workflow_scripts.fairseq_plugin.ffn import DirectionMasks
from workflow_scripts.fairseq_plugin.reference_decoder import Search, translate
from workflow_scripts.manifest import Manifest

TYPES = ("float32", "int8")


def rows(kept: dict[Any, np.ndarray], pair: str, ffn_dim: int) -> list[Namespace]:
    return [
        Namespace(pair=pair, component=component, layer=layer, ffn_dim=ffn_dim, neurons=neurons)
        for (component, layer), neurons in kept.items()
    ]


def speed(size: models.Size, sentences: int, length: int, repetitions: int) -> dict[str, float]:
    """Median seconds to translate a direction under its masks into hypotheses that end after some `length` tokens.

    The reference engine runs twice: with its default batches, and with the small ones that a CPU likes best.
    """
    model, symbols = models.translator(size, length), models.dictionary(size)
    masks = models.masks(["en-de"], size.layers, size.ffn_dim)
    kept = {(row.component, row.layer): row.neurons for row in masks}
    pairs = models.dataset(size, sentences, seed=8)
    state, options = dict(model.state_dict()), models.options(size, decoder_learned_pos=True)
    DirectionMasks(model, masks).activate("en-de")
    sources = pieces(pairs, "src", symbols)
    tasks = {
        name: lambda search=search: list(translate(model, symbols, pairs, "de", search))
        for name, search in (("fairseq", Search()), ("fairseq, 2,000 tokens a batch", Search(max_tokens=2000)))
    }
    for compute_type in TYPES:
        session = Session(state, options, symbols.symbols, Options(compute_type=compute_type))
        session.translate(sources[:1], "__en__", "__de__", kept)
        tasks[compute_type] = lambda session=session: session.translate(sources, "__en__", "__de__", kept)
    return machine.in_turn(tasks, repetitions)


def reference() -> Path | None:
    """A trained model with its text, masks and fairseq's own translations, where the reference data is at hand."""
    folder = Path(os.environ.get("NS_SHARED", Path(__file__).parents[3] / "shared")) / "reference-tiny"
    return folder if folder.is_dir() else None


def agreement(folder: Path, pairs: int) -> dict[str, dict[str, float]]:
    """Share of identical hypotheses, and BLEU minus the reference engine's (pooled), over the NS model's directions."""
    manifest = Manifest(
        folder / "manifest.json",
        {
            "shards": ["data-bin"],
            "languages": ["en", "nl", "af", "es", "pt", "ru"],
            "dictionary": "text/dict.txt",
        },
    )
    model, dictionary, loaded = checkpoints.load_model(folder / "checkpoints/ns.pt", manifest)
    masks = json.loads((folder / "masks_k95.json").read_text())
    found: dict[str, list[str]] = {name: [] for name in ("fairseq", "references", *TYPES)}
    sessions = {
        name: Session(loaded.state, loaded.args, dictionary.symbols, Options(compute_type=name)) for name in TYPES
    }
    for pair in list(masks)[:pairs]:
        kept = {}
        for key, neurons in masks[pair].items():
            component, layer = key.split(".")
            kept[component, int(layer)] = np.array(neurons)
        DirectionMasks(model, rows(kept, pair, loaded.args.encoder_ffn_embed_dim)).activate(pair)
        data = load_direction(manifest, "test", pair, dictionary)
        best = dict(translate(model, dictionary, data, pair.split("-")[1], Search()))
        found["fairseq"] += [_text(best[line].tokens) for line in range(len(data))]
        found["references"] += [_text(line) for line in pieces(data, "tgt", dictionary)]
        for name, session in sessions.items():
            tags = [checkpoints.tag(language) for language in pair.split("-")]
            found[name] += [_text(h.tokens) for h in session.translate(pieces(data, "src", dictionary), *tags, kept)]
    base = BLEU().corpus_score(found["fairseq"], [found["references"]]).score
    return {
        name: {
            "sentences": len(found[name]),
            "identical": float(np.mean([a == b for a, b in zip(found[name], found["fairseq"], strict=True)])),
            "bleu": BLEU().corpus_score(found[name], [found["references"]]).score - base,
        }
        for name in TYPES
    }


def _text(tokens: list[str]) -> str:
    return "".join(tokens).replace("\N{LOWER ONE EIGHTH BLOCK}", " ").strip()
