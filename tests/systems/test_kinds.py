"""Scale, bias, LoRA and adapters against slow definitions of their own: forward, gradients, folded, in both engines."""

from __future__ import annotations

import shutil
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.conftest import DIRECTIONS, TinyRun
from tests.test_configuration import check, config, run_of
from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.direction import Direction
from workflow_scripts.engines.engine import Place as Where
from workflow_scripts.engines.opening import opened
from workflow_scripts.engines.search import Search
from workflow_scripts.engines.system_model import SystemModel
from workflow_scripts.errors import UserError
from workflow_scripts.fairseq_plugin import model as transformer
from workflow_scripts.files import FORMAT
from workflow_scripts.formats import checkpoint
from workflow_scripts.layers.own_names import Place, is_own, own_parameters
from workflow_scripts.systems.sharing import owner
from workflow_scripts.systems.variant import Variant

from fairseq.data import Dictionary  # isort: skip
from fairseq.models.transformer import TransformerModel, base_architecture  # isort: skip

PAIRS = ["en-de", "fr-en"]
LAYERS = [(component, layer) for component in ("encoder", "decoder") for layer in range(2)]
ATTENTIONS = {"encoder": {"": "self_attn"}, "decoder": {"": "self_attn", "cross_": "encoder_attn"}}
Weights = dict[str, Tensor]
At = Callable[[str], Mapping[str, Tensor]]
"""A direction's own parameters by place (`encoder_0_fc2`)."""


def each_attention() -> list[tuple[str, str, str]]:
    """Component and layer as in names of own parameters, what such a name begins with, and the weights' prefix."""
    return [
        (f"{component}_{layer}_{front}", f"{component}.layers.{layer}.{module}")
        for component, layer in LAYERS
        for front, module in ATTENTIONS[component].items()
    ]


def scaled(weights: Weights, at: At) -> Weights:
    """Column by column, row by row."""
    changed = {}
    for component, layer in LAYERS:
        name, numbers = f"{component}.layers.{layer}.fc2.weight", at(f"{component}_{layer}_fc2")["neurons"]
        changed[name] = torch.stack([weights[name][:, i] * numbers[i] for i in range(len(numbers))], dim=1)
    for front, prefix in each_attention():
        for projection in "kv":
            numbers = at(front + projection)["outputs"]
            for end in ("weight", "bias"):
                name = f"{prefix}.{projection}_proj.{end}"
                changed[name] = torch.stack([weights[name][i] * numbers[i] for i in range(len(numbers))])
    return changed


def biased(weights: Weights, at: At) -> Weights:
    names = {
        f"{front}{name}": f"{prefix}.{name}_proj.bias"
        for front, prefix in each_attention()
        for name in ("q", "v", "out")
    }
    for component, layer in LAYERS:
        here, there = f"{component}_{layer}_", f"{component}.layers.{layer}."
        names |= {f"{here}{name}": f"{there}{name}.bias" for name in ("fc1", "fc2")}
        names |= {f"{here}attention_norm": f"{there}self_attn_layer_norm.bias"}
        names |= {f"{here}ffn_norm": f"{there}final_layer_norm.bias"}
        names |= {f"{here}cross_norm": f"{there}encoder_attn_layer_norm.bias"} if component == "decoder" else {}
    names |= {f"{component}_end_norm": f"{component}.layer_norm.bias" for component in ("encoder", "decoder")}
    return {name: weights[name] + at(place)["bias"] for place, name in names.items()}


def thin(weights: Weights, at: At) -> Weights:
    """Outer products, one of each rank: 3 in the last encoder layer, else 2; alpha is 5."""
    names = {
        f"{front}{name}": f"{prefix}.{name}_proj.weight"
        for front, prefix in each_attention()
        for name in ("q", "k", "v", "out")
    }
    for component, layer in LAYERS:
        names |= {f"{component}_{layer}_{name}": f"{component}.layers.{layer}.{name}.weight" for name in ("fc1", "fc2")}
    changed = {}
    for place, name in names.items():
        up, down = at(place)["up"], at(place)["down"]
        rank = 3 if place.startswith("encoder_1") else 2
        assert (up.shape[1], down.shape[0]) == (rank, rank)
        changed[name] = weights[name] + sum(5 / rank * torch.outer(up[:, r], down[r]) for r in range(rank))
    return changed


def adapted(layer: nn.Module, own: Mapping[str, Tensor]) -> Callable[..., Any]:
    """What a layer does with an adapter behind it, neuron by neuron."""
    forward = layer.forward

    def both(*args: Any, **kwargs: Any) -> Any:
        output = forward(*args, **kwargs)
        x = output[0] if isinstance(output, tuple) else output
        centred = x - x.mean(-1, keepdim=True)
        normed = centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5) * own["norm"] + own["norm_bias"]
        y = x + own["up_bias"]
        for row, bias, column in zip(own["down"], own["down_bias"], own["up"].T, strict=True):
            y = y + ((normed * row).sum(-1) + bias).clamp(min=0)[..., None] * column
        return (y, *output[1:]) if isinstance(output, tuple) else y

    return both


@dataclass(frozen=True)
class Case:
    """A kind with settings, and its slow definition; adapters are no change of weights."""

    kind: str
    settings: dict[str, Any]
    slow: Callable[[Weights, At], Weights] | None

    @property
    def variant(self) -> Variant:
        return Variant.of(self.kind, None, {self.kind: self.settings})


PHILIP = {"encoder": "source", "decoder": "target"}
CASES = {
    "scale": Case("scale", {"on": ["ffn", "keys", "values"]}, scaled),
    "bias": Case("bias", {"per": "all"}, biased),
    "lora": Case(
        "lora",
        {"per": "target", "alpha": 5, "on": ["q", "k", "v", "out", "fc1", "fc2"]}
        | {"rank": {"encoder": [2, 3], "decoder": 2}},
        thin,
    ),
    "adapters": Case("adapters", {"bottleneck": 3, "per": PHILIP}, None),
}
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def build() -> nn.Module:
    """Two layers each, norms first, in eval mode; always the same weights."""
    dictionary = Dictionary()
    for number in range(12):
        dictionary.add_symbol(f"w{number}")
    sizes = {"layers": 2, "embed_dim": 8, "ffn_embed_dim": 12, "attention_heads": 2, "normalize_before": True}
    options = Namespace(**{f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in sizes.items()})
    base_architecture(options)
    torch.manual_seed(0)
    task = Namespace(source_dictionary=dictionary, target_dictionary=dictionary)
    return TransformerModel.build_model(options, task).eval()


def randomize(model: nn.Module) -> None:
    """Own parameters that do something."""
    torch.manual_seed(1)
    for some in own_parameters(model).values():
        for one in some:
            nn.init.normal_(one, mean=0.5, std=0.3)


def output(model: Callable[..., Any]) -> Tensor:
    """A number for all logits of some sentences."""
    generator = torch.Generator().manual_seed(2)
    source, target = (torch.randint(4, 16, (3, size), generator=generator) for size in (5, 4))
    logits = model(source, torch.full((3,), 5), target)[0]
    return (logits * torch.randn(logits.shape, generator=generator)).sum()


@cases
def test_outputs_and_gradients_are_those_of_the_slow_definition(case):
    model, variant = build(), case.variant
    effect = variant.attach(model, PAIRS)
    before = output(model)
    for pair in PAIRS:
        effect.activate(pair)
        torch.testing.assert_close(output(model), before, msg="training begins where it starts from")
    randomize(model)
    weights = {name: tensor for name, tensor in model.state_dict().items() if not is_own(name)}
    outputs = []
    for pair in PAIRS:
        effect.activate(pair)
        model.zero_grad(set_to_none=True)
        outputs.append(output(model))
        outputs[-1].backward()
        used: dict[str, tuple[Tensor, Tensor]] = {}

        def at(key: str, pair: str = pair, used: dict = used) -> Mapping[str, Tensor]:
            place = Place.parse(key)
            whose = owner(case.kind, variant.settings, pair, place)
            found = model.own[whose][key]
            for name, one in found.items():
                used.setdefault(f"{whose}.{key}.{name}", (one, one.detach().clone().requires_grad_()))
            return {name: used[f"{whose}.{key}.{name}"][1] for name, _ in found.items()}

        plain = build()
        if case.slow:
            changed = case.slow(weights, at)
            slow = output(lambda *inputs, c=changed, p=plain: torch.func.functional_call(p, c, inputs))
        else:
            for component, layer in LAYERS:
                module = getattr(plain, component).layers[layer]
                module.forward = adapted(module, at(f"{component}_{layer}_layer"))
            slow = output(plain)
        slow.backward()
        torch.testing.assert_close(outputs[-1], slow, rtol=1e-4, atol=1e-3)
        for name, (ours, theirs) in used.items():
            torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=2e-3, msg=name)
        others = [one for some in own_parameters(model).values() for one in some]
        theirs = {id(one) for one, _ in used.values()}
        assert all(one.grad is None for one in others if id(one) not in theirs)
        assert {name.split(".")[0] for name in used} == set(effect.owners(pair))
    assert case.settings.get("per") == "all" or not torch.allclose(*outputs)
    effect.deactivate()
    torch.testing.assert_close(output(model), before)


@cases
def test_a_trained_state_brings_its_owners_along_and_folds(case):
    model, variant = build(), case.variant
    effect = variant.attach(model, PAIRS)
    randomize(model)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    again, plain = build(), build()
    other = variant.attach(again, state=state)
    again.load_state_dict(state)
    for pair in PAIRS:
        effect.activate(pair)
        other.activate(pair)
        with torch.no_grad():
            torch.testing.assert_close(output(again), output(model))
            # Weights that were shown before are not shown for the next direction.
            if case.slow:
                folded = variant.fold(state, pair)
                assert folded.kept is None
                plain.load_state_dict(folded.state)
                torch.testing.assert_close(output(plain), output(model), rtol=1e-4, atol=1e-3)
    unknown = {"bias": None, "scale": "en-fr", "lora": "en-fr", "adapters": "de-fr"}[case.kind]
    if unknown:
        with pytest.raises(UserError, match=f"no parameters for direction {unknown} "):
            other.activate(unknown)
    if unknown and case.slow:
        with pytest.raises(UserError, match=f"no parameters for direction {unknown} "):
            variant.fold(state, unknown)
    if not case.slow:
        with pytest.raises(UserError, match="cannot be made a plain model of one direction"):
            variant.fold(state, PAIRS[0])


def test_parameters_of_another_model_are_refused():
    model, variant = build(), CASES["lora"].variant
    variant.attach(model, PAIRS)
    state = model.state_dict()
    further = {name.replace("encoder_1", "encoder_2"): tensor for name, tensor in state.items()}
    with pytest.raises(UserError, match="no place for own parameters at encoder_2_q"):
        variant.attach(build(), state=further)
    other = build()
    variant.attach(other, state=state)
    wrong = {name: tensor[:1] if name.endswith(".down") else tensor for name, tensor in state.items()}
    found = checkpoint.Checkpoint(Path("x.pt"), wrong, Namespace(), None, {})
    with pytest.raises(
        UserError, match=r"x\.pt does not hold the model its .*: size mismatch for own\.target:de\S+: [^\n]*$"
    ):
        transformer.filled(other, found)


def test_who_shares_what():
    def whose(pair: str, per: Any, place: str = "encoder_0_fc1", **more: Any) -> str:
        return owner("lora", {"lora": {"per": per, **more}}, pair, Place.parse(place))

    families = {"en": "Germanic", "de": "Germanic", "gu": "Indo-Aryan", "xx": "a.b c"}
    assert whose("en-de", "direction") == "en-de"
    assert [whose("en-de", per) for per in ("source", "target", "all")] == ["source:en", "target:de", "all"]
    assert whose("en-gu", "family", families=families) == "family:Germanic:Indo-Aryan"
    assert whose("xx-de", "family", families=families) == "family:a%2Eb%20c:Germanic"
    with pytest.raises(UserError, match=r"lora\.families: the family of fr is not there \(there are those of en, de"):
        whose("fr-de", "family", families=families)
    lslo = {"encoder": ["source", "target"], "decoder": "target"}
    places = ("encoder_0_q", "encoder_1_q", "decoder_0_q")
    assert [whose("fr-de", lslo, place) for place in places] == ["source:fr", "target:de", "target:de"]
    with pytest.raises(UserError, match=r"lora\.per\.encoder: 2 values, and the model has more layers"):
        whose("fr-de", lslo, "encoder_2_q")


def test_families_are_the_language_tables():
    made = run_of(systems={"baseline": {}, "own": {"adapters": {"per": "family"}}, "one": {"scale": {}}})
    own = made.systems["own"].options["settings"]["adapters"]
    assert own["families"] == {"en": "Germanic", "de": "Germanic", "nl": "Germanic", "fr": "Romance"}
    assert made.systems["one"].options["settings"] == {"scale": {"base": "frozen", "per": "direction", "on": ["ffn"]}}
    mine = {"per": "family", "families": {"en": "x", "de": "y", "nl": "y", "fr": "y"}}
    own = run_of(systems={"baseline": {}, "own": {"bias": mine}}).systems["own"].options["settings"]["bias"]
    assert own["families"] == mine["families"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lora": {"rank": 0}}, r"systems\.own\.lora\.rank: 0 is less than the minimum of 1"),
        ({"lora": {"rank": {"encoder": [4, 2], "decoder": 2}}}, r"lora\.rank\.encoder: 2 values, .* has 6 layers"),
        ({"lora": {"rank": {"encoder": 4}}}, r"systems\.own\.lora\.rank: .*'decoder' is a required property"),
        ({"lora": {"on": ["fc3"]}}, r"systems\.own\.lora\.on\.0: 'fc3' is not one of \['q', 'k'"),
        ({"lora": {"alpha": 0}}, r"systems\.own\.lora\.alpha: 0 is less than or equal to the minimum of 0"),
        ({"adapters": {"bottleneck": 0}}, r"bottleneck: 0 is less than the minimum of 1"),
        ({"adapters": {"per": "language"}}, r"systems\.own\.adapters\.per: 'language' is not one of"),
        ({"adapters": {"per": {"encoder": ["source"] * 5, "decoder": "all"}}}, r"per\.encoder: 5 values"),
        ({"scale": {"on": []}}, r"systems\.own\.scale\.on: \[\] (should be non-empty|is too short)"),
        ({"bias": {"base": "free"}}, r"systems\.own\.bias\.base: 'free' is not one of \['frozen', 'trained'\]"),
        ({"bias": {"size": 3}}, "unknown key size; known keys are base, families, on, per"),
        ({"lora": {}, "scale": {}}, r"goes with no other key; here it stands with"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        check(config(systems={"baseline": {}, "own": settings}))


def test_settings_by_hand_take_defaults_and_are_checked():
    settings = Variant.of(None, None, {"lora": {"rank": 2}}).settings["lora"]
    assert settings == {"rank": 2, "alpha": 8, "on": ["q", "v", "fc1", "fc2"], "base": "frozen", "per": "direction"}
    with pytest.raises(UserError, match=r"lora\.rank: 0 is less than the minimum of 1"):
        Variant.of(None, None, {"lora": {"rank": 0}})


def test_adapters_are_decoded_by_the_reference_engine_alone():
    systems = {"baseline": {}, "own": {"adapters": {}}}
    check(config(systems=systems))
    with pytest.raises(
        UserError, match=r"systems\.own: .* \(adapters\) cannot be .* ctranslate2; set it, or decode\.fal"
    ):
        check(config(systems=systems, decode__engine="ctranslate2"))
    run = run_of(systems=systems, decode__engine="ctranslate2", decode__fallback="fairseq")
    assert [run.search_of(name)["engine"] for name in systems] == ["ctranslate2", "fairseq"]
    assert not {"compute_type", "fallback"} & run.search_of("own").keys()
    assert run.code_of_search("own").split(", ")[1].startswith("fairseq ")


def published(case: Case, tiny_run: TinyRun, folder: Path) -> Path:
    """A checkpoint as a training publishes it: own parameters, and where the frozen weights are."""
    start = checkpoint.read_checkpoint(tiny_run.checkpoint)
    model = transformer.empty_model(start, transformer.read_dictionary(read_manifest(tiny_run.manifest)))
    case.variant.attach(model, DIRECTIONS)
    transformer.filled(model, start)
    torch.manual_seed(3)
    for some in own_parameters(model).values():
        for one in some:
            one.data += 0.1 * torch.randn(one.shape)
    raw = checkpoint.read_raw(tiny_run.checkpoint)
    torch.save(raw | {"model": model.state_dict()}, folder / "last.pt")
    path = folder / "checkpoint.pt"
    base = checkpoint.base_of(tiny_run.checkpoint, path, checkpoint.identity(tiny_run.checkpoint))
    checkpoint.publish(folder / "last.pt", path, {"format": FORMAT, **case.variant.own}, {}, base, is_own)
    return path


def found_by(engine: str, path: Path, case: Case, tiny_run: TinyRun) -> list[tuple[list[str], float]]:
    """Translations of a few lines in two directions."""
    model = SystemModel("own", engine, path, read_manifest(tiny_run.manifest), case.variant)
    options = {"compute_type": "float32"} if engine == "ctranslate2" else {}
    search = opened(model, Search(4, 1.0, 30, 2000), Where("cpu"), options)
    words = model.symbols[4:-8]
    sources = [words[number : number + number % 5 + 1] for number in range(0, 40, 5)]
    found = [one for pair in ("en-qa", "qe-en") for one in search.nbest(sources, Direction.parse(pair), 1)]
    return [(best.tokens, best.score) for best, *_ in found]


@cases
def test_both_engines_translate_from_own_parameters_and_frozen_weights(tiny_run, tmp_path, case):
    path = published(case, tiny_run, tmp_path)
    kept = checkpoint.read_raw(path)["model"]
    assert kept
    assert all(map(is_own, kept))
    ours = found_by("fairseq", path, case, tiny_run)
    if case.slow:
        theirs = found_by("ctranslate2", path, case, tiny_run)
        assert [tokens for tokens, _ in ours] == [tokens for tokens, _ in theirs]
        assert [score for _, score in ours] == pytest.approx([score for _, score in theirs], abs=1e-4)
    else:
        with pytest.raises(UserError, match="system own: systems of kind adapters cannot be made a plain model"):
            found_by("ctranslate2", path, case, tiny_run)
    # What they are is half of what the model is.
    before = checkpoint.identity(path)
    checkpoint.publish(tmp_path / "last.pt", path, {}, {}, {"path": "x.pt", "identity": "other"}, is_own)
    assert checkpoint.identity(path) != before


def test_frozen_weights_are_where_and_what_they_were(tiny_run, tmp_path):
    (tmp_path / "own").mkdir()
    path, start = published(CASES["scale"], tiny_run, tmp_path / "own"), tmp_path / "baseline.pt"
    carried = checkpoint.read_checkpoint(path).provenance
    base = checkpoint.base_of(start, path, carried["base"]["identity"])
    checkpoint.publish(tmp_path / "own/last.pt", path, carried, {}, base, is_own)
    with pytest.raises(UserError, match=r"holds own parameters alone: .* in .*/baseline\.pt, which does not"):
        checkpoint.read_checkpoint(path)
    shutil.copyfile(tiny_run.checkpoint, start)
    assert not all(map(is_own, checkpoint.read_checkpoint(path).state))
    # Both may be moved together.
    shutil.copytree(tmp_path, tmp_path.with_name("moved"), ignore=shutil.ignore_patterns("last.pt"))
    start.unlink()
    assert checkpoint.read_checkpoint(tmp_path.with_name("moved") / "own/checkpoint.pt").state
    raw = checkpoint.read_raw(tiny_run.checkpoint)
    raw["model"]["encoder.layers.0.fc1.bias"] += 1
    torch.save(raw, start)
    with pytest.raises(UserError, match=r"frozen weights in .*/baseline\.pt are not those that they were trained with"):
        checkpoint.read_checkpoint(path)
