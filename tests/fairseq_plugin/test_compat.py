"""fairseq on current Python and torch: adapted where it must be, and nothing else is touched."""

from __future__ import annotations

import argparse
import subprocess
import sys

import torch

from tests.conftest import ROOT
from workflow_scripts.fairseq_plugin import compat

from fairseq.modules.transformer_layer import TransformerEncoderLayerBase  # isort: skip
from fairseq.models.transformer import TransformerConfig  # isort: skip


def layer() -> TransformerEncoderLayerBase:
    torch.manual_seed(1)
    config = TransformerConfig()
    config.encoder.embed_dim, config.encoder.ffn_embed_dim, config.encoder.attention_heads = 8, 12, 2
    config.encoder.normalize_before = False  # post-norm is what would take the fast path
    return TransformerEncoderLayerBase(config).eval()


def test_importing_fairseq_leaves_the_process_as_it_was():
    """In a fresh process: logging, dataclasses and the safe loader of torch, apart from the one class it needs."""
    code = """
import dataclasses, logging
import torch
make, level, handlers = dataclasses.dataclass, logging.getLogger().level, list(logging.getLogger().handlers)
safe = set(torch.serialization.get_safe_globals())
from workflow_scripts.fairseq_plugin import compat
assert dataclasses.dataclass is make
assert (logging.getLogger().level, logging.getLogger().handlers) == (level, handlers)
assert logging.root.manager.disable == logging.NOTSET
import argparse
assert set(torch.serialization.get_safe_globals()) - safe == {argparse.Namespace}
@dataclasses.dataclass
class Mine:
    a: list = dataclasses.field(default_factory=list)
assert Mine.__hash__ is None
try:
    @dataclasses.dataclass
    class Bad:
        a: Mine = Mine()
except ValueError:
    print("as before")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "as before\n", done.stderr


def test_encoder_layers_have_no_copies_and_run_their_modules():
    made, seen = layer(), []
    names = [name for name, _ in made.named_parameters()]
    assert not any(name in compat.FAST_PATH_COPIES for name in names)
    made.fc2.register_forward_hook(lambda *_: seen.append(True))
    with torch.no_grad():
        made(torch.randn(3, 2, 8), torch.zeros(2, 3, dtype=torch.bool))
    assert seen == [True]


def test_copies_in_a_checkpoint_are_ignored():
    made = layer()
    state = made.state_dict()
    before = {name: weights.clone() for name, weights in state.items()}
    result = made.load_state_dict({**state, **{name: torch.full((4,), 9.0) for name in compat.FAST_PATH_COPIES}})
    assert not result.missing_keys
    assert not result.unexpected_keys
    assert all(torch.equal(weights, before[name]) for name, weights in made.state_dict().items())


def test_only_namespaces_are_trusted_beside_weights():
    assert argparse.Namespace in torch.serialization.get_safe_globals()
