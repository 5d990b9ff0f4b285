"""What a folder of `transformers` holds, without torch: its configuration, and which files have its weights."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from workflow_scripts.errors import UserError
from workflow_scripts.files import sha256

CONFIG, PIECES, LISTED = "config.json", "sentencepiece.bpe.model", "vocab.json"
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
INDEX = ".index.json"
WEIGHTS = ("model.safetensors", f"model.safetensors{INDEX}", "pytorch_model.bin", f"pytorch_model.bin{INDEX}")
"""Files of weights, the first that is there counts; an index names others, which the weights are spread over."""
OTHERS = {
    "nllb-moe": "a mixture of experts, whose feed-forward layers are not those of every token",
    "marian": "a post-norm Transformer",
    "fsmt": "a post-norm Transformer",
    "t5": "without biases, and with another kind of positions",
    "mt5": "with gated feed-forward layers",
    "mbart": "with learned positions and GELU",
}
"""Model types that people may mean, and why they are not read."""


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json` of an M2M100 model. Raises `UserError` where it is missing, damaged, or of another model."""
    path = folder / CONFIG
    config = read_json(path)
    kind = config.get("model_type")
    if kind != "m2m_100":
        why = f" ({OTHERS[kind]})" if kind in OTHERS else ""
        raise UserError(f"{path} is of model type {kind}{why}, only m2m_100 (M2M-100, dense NLLB-200) is read")
    if config.get("activation_function", "relu") != "relu":
        raise UserError(
            f"{path}: the activation is {config['activation_function']}; which neurons fire is told of ReLU alone"
        )
    sizes = [name for name in SIZES if not (type(config.get(name)) is int and config[name] > 0)]
    if sizes:
        raise UserError(f"{path} does not say {', '.join(sizes)} as numbers above 0: take it as it was published")
    for name, row in {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}.items():
        if config.get(name, row) != row:
            raise UserError(f"{path}: {name} is {config[name]}, not {row}: the special symbols are not fairseq's")
    return config


SIZES = (
    *("vocab_size", "d_model", "max_position_embeddings"),
    *("encoder_layers", "encoder_ffn_dim", "encoder_attention_heads"),
    *("decoder_layers", "decoder_ffn_dim", "decoder_attention_heads"),
)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises `UserError` where the file is missing or holds none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: a model of transformers is a folder, with its configuration") from None
    except ValueError:
        raise UserError(f"{path} is damaged: it is not JSON") from None
    if not isinstance(found, dict):
        raise UserError(f"{path} is damaged: it is no JSON object")
    return found


def chosen_weights(names: Iterable[str]) -> str | None:
    """The file of the weights, or of their index, among a folder's; None where there is none."""
    there = set(names)
    return next((name for name in WEIGHTS if name in there), None)


def weight_files(path: Path) -> list[Path]:
    """The files that hold the weights of a folder, behind their index if there is one; or the file `path` itself.

    Raises `UserError` where there are none, or the index names one that is not there.
    """
    if not path.is_dir():
        return [path]
    name = chosen_weights(file.name for file in path.iterdir())
    if name is None:
        raise UserError(f"{path} has no weights: no {' and no '.join(WEIGHTS[::2])}, nor an index of several files")
    if not name.endswith(INDEX):
        return [path / name]
    files = [path / one for one in indexed(path / name)]
    for file in files:
        if not file.is_file():
            raise UserError(f"{file} is missing: {path / name} says that it holds weights")
    return [path / name, *files]


def indexed(index: Path) -> list[str]:
    """The files that an index of weights names, each once and sorted. Raises `UserError` where it is damaged."""
    spread = read_json(index).get("weight_map")
    names = sorted(set(spread.values())) if isinstance(spread, dict) else []
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise UserError(f"{index} is damaged: its weight_map does not name files of its folder")
    return names


def model_digests(path: Path) -> dict[str, str]:
    """SHA-256 of the files that decide the model of a folder (or of the file `path`): weights, then configuration."""
    folder = path if path.is_dir() else path.parent
    return {file.name: sha256(file) for file in [*weight_files(path), folder / CONFIG]}


def present(folder: Path) -> Iterator[Path]:
    """The files of a folder that are read here; its weights only where all are there."""
    yield from (folder / name for name in (CONFIG, PIECES, LISTED, *TOKENIZER, *WEIGHTS) if (folder / name).is_file())
    for index in (folder / name for name in WEIGHTS[1::2]):
        if index.is_file():
            yield from (folder / name for name in indexed(index) if (folder / name).is_file())
