"""What a configuration means, and every refusal with the words a person gets to read."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import yaml
from jsonschema_specifications import REGISTRY
from snakemake.utils import validate

from tests.conftest import ROOT
from workflow_scripts import configuration, schema, sweeps
from workflow_scripts.errors import UserError
from workflow_scripts.run import Run
from workflow_scripts.systems.system import Weights

SCHEMA = ROOT / "config/schema.yaml"
SHIPPED = sorted(path for path in (ROOT / "config").glob("**/*.yaml") if path.name != "schema.yaml")
BASE = {
    "run": "test",
    "languages": {"table": "config/languages/ec30.tsv", "codes": ["en", "de", "nl", "fr"]},
    "systems": {"baseline": {}, "ns": {"masks": {"select": "cumulative", "k": 95}}},
}


def config(**changes) -> dict:
    """A valid configuration, with defaults as the workflow fills them; `a__b=c` sets key b of key a."""
    made = copy.deepcopy(BASE)
    for key, value in changes.items():
        *parents, last = key.split("__")
        place = made
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return configuration.complete(made, SCHEMA)


def codes(made: dict) -> list[str]:
    """The languages of a configuration, in order."""
    return list(configuration.languages(made, ROOT))


def directions(made: dict) -> list[str]:
    return list(map(str, configuration.directions(made, codes(made))))


def pairs(made: dict) -> list[str]:
    return list(map(str, configuration.pairs(made, codes(made))))


def check(made: dict) -> None:
    configuration.check(made, codes(made))


def run_of(**changes) -> Run:
    """The run of a valid configuration."""
    return Run.from_config(config(**changes), ROOT)


def systems(**named) -> dict:
    return config(systems={"baseline": {}, "ns": {"masks": {"select": "cumulative", "k": 95}}, **named})


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_configuration_is_valid_once_its_defaults_are_filled(path):
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    made = configuration.complete(given, SCHEMA)
    if made["data"]["source"] == "text":
        made["text"] = "somewhere"
    check(made)
    assert pairs(made) == directions(made)
    # Defaults reach every depth, also below a name the user chose.
    assert made["decode"]["beam"] == 5
    assert made["data"]["clean"]["max_ratio"] == 3.0
    assert all(system["continue"] in (True, False) for system in made["systems"].values())
    for name, system in made["systems"].items():
        if "masks" in system:
            chosen = given["systems"].get(name, {}).get("masks", {}).get("components", ["encoder", "decoder"])
            assert system["masks"]["components"] == chosen


def test_defaults_are_filled_as_snakemake_fills_them(tmp_path):
    complete = tmp_path / "schema.yaml"
    complete.write_text(yaml.safe_dump(schema.load(SCHEMA), sort_keys=False), encoding="utf-8")
    for path in SHIPPED:
        ours, theirs = (yaml.safe_load(path.read_text(encoding="utf-8")) for _ in range(2))
        theirs["systems"] = sweeps.expanded(theirs["systems"], schema.load(SCHEMA))
        validate(theirs, str(complete))
        assert configuration.complete(ours, SCHEMA) == theirs
        # What was given is left as it was given.
        assert ours == yaml.safe_load(path.read_text(encoding="utf-8"))


def test_defaults_are_the_papers():
    made = config()
    training = configuration.training(made)
    assert made["model"] == {
        "arch": "transformer_vaswani_wmt_en_de_big",
        "layers": 6,
        "dim": 1024,
        "ffn_dim": 4096,
        "heads": 16,
        "max_positions": 256,
        "share_embeddings": "decoder",
    }
    wanted = {"lr": 0.0005, "warmup": 4000, "dropout": 0.1, "attention_dropout": 0.1, "label_smoothing": 0.1}
    wanted |= {"temperature": 5, "seed": 222, "max_tokens": 7680, "tokens_per_update": 7680 * 21 * 4}
    wanted |= {"validate_every": 500, "patience": 20, "clip_norm": 0, "weight_decay": 0}
    assert {key: training[key] for key in wanted} == wanted
    assert made["systems"]["ns"]["masks"]["positions"] == "real"
    assert (made["decode"]["beam"], made["decode"]["length_penalty"]) == (5, 1)


def test_directions_are_the_pivot_to_and_from_every_language():
    assert directions(config()) == ["en-de", "en-nl", "en-fr", "de-en", "nl-en", "fr-en"]
    assert directions(config(languages__pivot="nl"))[:3] == ["nl-en", "nl-de", "nl-fr"]


def test_listed_directions_are_taken_as_they_are():
    assert directions(config(languages__directions=["de-fr", "en-nl"])) == ["de-fr", "en-nl"]
    assert directions(config(languages__directions="de-fr, en-nl")) == ["de-fr", "en-nl"]


@pytest.mark.parametrize("chosen", ["en-de,fr-en", ["en-de", "fr-en"], "en-de, fr-en"])
def test_pairs_restrict_the_work_not_the_model(chosen):
    made = config(pairs=chosen)
    assert pairs(made) == ["en-de", "fr-en"]
    assert len(directions(made)) == 6


def test_all_rows_of_the_table_where_no_codes_are_listed():
    made = config(languages={"table": "config/languages/ec30.tsv"})
    assert len(codes(made)) == 31
    assert len(directions(made)) == 60


def test_a_table_of_the_working_folder_comes_first(tmp_path, monkeypatch):
    (tmp_path / "mine.tsv").write_text("code\tname\tfamily\tscript\ttier\nen\tE\tG\tL\t\nqq\tQ\tG\tL\tlow\n")
    monkeypatch.chdir(tmp_path)
    made = config(languages={"table": "mine.tsv"})
    assert directions(made) == ["en-qq", "qq-en"]
    assert configuration.located("config/languages/ec30.tsv", ROOT) == ROOT / "config/languages/ec30.tsv"
    assert configuration.located("mine.tsv", ROOT) == Path("mine.tsv")


def test_kinds_of_systems():
    made = systems(
        dense={"continue": True},
        released={"checkpoint": {"path": "ns.pt"}, "masks": {"select": "cumulative", "k": 95}},
        other={"checkpoint": {"path": "other.pt"}},
        untrained={"masks": {"select": "cumulative", "k": 95}, "training": {"max_update": 0}},
        theirs={"translations": "outputs"},
    )
    assert {name: (system.kind_name, system.weights) for name, system in configuration.systems(made).items()} == {
        "baseline": ("given", Weights.BASELINE),
        "ns": ("masks", Weights.TRAINED),
        "untrained": ("masks", Weights.BASELINE),
        "dense": ("dense", Weights.TRAINED),
        "released": ("masks", Weights.GIVEN),
        "other": ("given", Weights.GIVEN),
        "theirs": ("imported", Weights.NONE),
    }


def test_training_settings_of_a_stage_and_of_a_system_win():
    made = config(
        seed=7,
        training={"lr": 0.1, "warmup": 9},
        baseline={"training": {"lr": 0.2}},
        specialize={"training": {"warmup": 5, "max_update": 30}},
        systems={
            "ns": {"masks": {"select": "cumulative", "k": 95}},
            "again": {"continue": True, "training": {"seed": 8, "warmup": 3}},
        },
    )
    chosen = ("seed", "lr", "warmup", "max_update")
    of = {name: [configuration.training(made, name)[key] for key in chosen] for name in (None, "ns", "again")}
    assert of == {None: [7, 0.2, 9, 500000], "ns": [7, 0.1, 5, 30], "again": [8, 0.1, 3, 30]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patience": 3}, "the configuration: unknown key patience; known keys are activations, baseline"),
        ({"training__epochs": 3}, "training: unknown key epochs; known keys are .*max_update"),
        (
            {"systems__ns__masks__kk": 3},
            "systems.ns.masks: unknown key kk; known keys are activation_bar_ratio, activations",
        ),
        ({"specialize__training__steps": 3}, "specialize.training: unknown key steps"),
        ({"activations__positions": "all"}, r"activations: unknown key positions; .* `systems\.NAME\.masks\.positions"),
        ({"systems__ns__masks__k": 0}, r"systems\.ns\.masks\.k: 0 "),
        ({"systems__ns__masks__k": 100.5}, r"systems\.ns\.masks\.k: 100\.5 "),
        ({"systems__ns__masks__k": {"en-x": {"encoder": 95, "decoder": 0}}}, r"systems\.ns\.masks\.k"),
        ({"systems__ns__masks__components": []}, r"systems\.ns\.masks\.components"),
        ({"systems": {}}, "systems: "),
        ({"systems__a b": {}}, "systems: 'a b' does not match"),
        ({"run": "../up"}, "run: '../up' does not match"),
        ({"seed": "x"}, "seed: 'x' is not of type 'integer'"),
        ({"baseline__training__max_update": 0}, r"baseline\.training\.max_update: 0 is less than the minimum of 1"),
        ({"specialize__training__max_update": 0}, r"specialize\.training\.max_update: 0 is less than the minimum"),
        ({"training__warmup": 0}, r"training\.warmup: 0 is less than the minimum of 1"),
        ({"report__crossed_lines": 0}, r"report\.crossed_lines: 0 is less than the minimum of 1"),
        ({"report__crossed": ["ns", "ns"]}, r"report\.crossed: .* has non-unique elements"),
        ({"model__layers": 0}, r"model\.layers: 0 is less than the minimum of 1"),
        ({"decode__engine": "marian"}, r"decode\.engine: 'marian' is not one of \['fairseq', 'ctranslate2'\]"),
        ({"data__databin__sha256": "abc"}, r"data\.databin\.sha256: 'abc' does not match"),
    ],
)
def test_the_schema_refuses(changes, message):
    with pytest.raises(UserError, match=message):
        config(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"jobs__retrain": ["gone"]}, r"jobs\.retrain: there is no system gone; there are \['baseline', 'ns'\]"),
        (
            {"report__crossed": ["ns", "gone"]},
            r"report\.crossed: gone is no system with masks \(there are: ns\); leave it out",
        ),
        ({"report__crossed": ["baseline"]}, r"report\.crossed: baseline is no system with masks"),
        (
            {"report__crossed": ["ns"], "score__metrics": ["comet"], "score__comet": {"model": "a/b"}},
            r"report\.crossed is scored by metrics that count: name one in score\.metrics \(bleu, say\)",
        ),
        ({"languages__codes": ["en", "xx"]}, r"languages\.codes: xx has no row in .*ec30\.tsv; add it"),
        ({"languages__pivot": "ru"}, r"languages\.pivot is ru, which languages\.codes does not list"),
        ({"languages__directions": ["en-ru"]}, r"languages\.directions: en-ru names language ru, which"),
        ({"languages__directions": ["en-de", "en-de"]}, r"languages\.directions: a direction stands twice"),
        ({"languages__directions": "ende"}, r"languages\.directions: 'ende' is not a direction like en-de"),
        ({"languages__directions": ["en-en"]}, r"languages\.directions: 'en-en' is not a direction like en-de"),
        ({"languages__directions": []}, r"languages\.directions: no direction is listed"),
        ({"pairs": "en-xx"}, "pairs: en-xx names language xx, which"),
        ({"pairs": "de-fr"}, r"pairs: de-fr is not a direction of this run \(languages\.directions\); it has"),
        ({"pairs": "en-de,en-de"}, "pairs: a direction stands twice"),
        ({"model__dim": 100}, r"model\.dim \(100\) must be a multiple of model\.heads \(16\)"),
        ({"training__precision": "fp16"}, r"training of baseline: precision fp16 needs a GPU \(training\.gpus\)"),
        (
            {"specialize__training__precision": "bf16"},
            r"training of systems\.ns: precision bf16 needs a GPU \(training\.gpus\)",
        ),
        (
            {"baseline__training": {"freeze": ["embeddings"]}},
            r"baseline\.training\.freeze: a baseline is trained whole; set specialize\.training\.freeze",
        ),
        ({"training__nodes": 2}, "training of baseline: 2 nodes need GPUs"),
        ({"baseline__checkpoint": {"transformers": "someone/model"}}, "there is no folder someone/model; to download"),
        (
            {"baseline__checkpoint": {"transformers": "a", "revision": "0" * 40, "path": "b"}},
            r"baseline\.checkpoint\.transformers says where the model is from and what it is; leave path out",
        ),
        (
            {"baseline__checkpoint": {"path": "a", "revision": "0" * 40}},
            "revision goes with baseline.checkpoint.transf",
        ),
        ({"baseline__checkpoint": {"path": "a", "sha256": {"b": "0" * 64}}}, "a digest for each file, goes with"),
        ({"baseline__checkpoint": {"transformers": "a", "revision": "main"}}, r"'main' does not match"),
        (
            {"baseline__checkpoint": {"transformers": "a", "revision": "0" * 40}, "data__source": "databin"},
            r"needs text \(data.source\)",
        ),
        (
            {
                "baseline__checkpoint": {"transformers": "a", "revision": "0" * 40},
                "data__sentencepiece": {"model": "m"},
            },
            r"data\.sentencepiece\.model: the vocabulary is that of baseline\.checkpoint\.transformers",
        ),
        ({"baseline__checkpoint": {}}, r"baseline\.checkpoint: give exactly one of path, url and gdrive"),
        ({"baseline__checkpoint": {"path": "a", "gdrive": "b"}}, r"baseline\.checkpoint: give exactly one"),
        ({"data__source": "none"}, "data.source: none goes with systems that are all existing translations"),
        ({"data__source": "text"}, "data.source is text: say which folder it lies in"),
        ({"data__source": "databin"}, r"data\.databin: give exactly one of path, url and gdrive"),
        (
            {"data__source": "databin", "data__databin": {"path": "a", "url": "http://b/c.tar"}},
            r"data\.databin: give exactly one of path, url and gdrive",
        ),
    ],
)
def test_keys_that_do_not_go_together_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        check(config(**changes))


def test_an_unknown_criterion_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match=r"systems\.ns\.masks\.select: 'best' is not one of \['cumulative', 'random'"):
        config(systems__ns__masks={"select": "best"})


RANDOM = {"select": "random", "like": "ns"}


@pytest.mark.parametrize(
    ("system", "message"),
    [
        ({"masks": {"select": "cumulative"}}, r"systems\.new\.masks: selection cumulative takes k; k is missing"),
        ({"masks": {"select": "cumulative", "k": 95, "like": "ns"}}, "cumulative takes k; it does not take like"),
        ({"masks": {"select": "cumulative", "k": 95, "seed": 1}}, "cumulative takes k; it does not take seed"),
        ({"masks": {"select": "random"}}, r"systems\.new\.masks: selection random takes like, seed; like is missing"),
        ({"masks": {**RANDOM, "k": 95}}, "selection random takes like, seed; it does not take k"),
        (
            {"masks": {**RANDOM, "like": "gone"}},
            r"masks\.like: there is no system gone; there are \['baseline'",
        ),
        (
            {"masks": {**RANDOM, "like": "baseline"}},
            "like: baseline has no masks of its own sizes that",
        ),
        (
            {"masks": {**RANDOM, "like": "new"}},
            r"like: new has no masks of its own sizes that could be copied: new → new$",
        ),
        (
            {"masks": {"select": "fisher"}},
            "fisher takes like, k, fraction; it needs exactly one of like, k, fraction",
        ),
        ({"masks": {"select": "fisher", "like": "ns", "k": 95}}, "it needs exactly one of like, k, fraction"),
        ({"masks": {"select": "effect", "k": 95}}, "effect takes like, fraction; it does not take k, and it needs ex"),
        ({"masks": {"select": "lape", "ratio": 0.5}}, "lape takes top_rate, .*; it does not take ratio"),
        (
            {"masks": {"select": "cumulative", "k": 95, "activations": "gone"}},
            r"systems\.new\.masks\.activations: there is no gone/en-de\.parquet; name a folder with the activations",
        ),
        ({"continue": True, "masks": RANDOM}, r"systems\.new: `continue` trains without masks"),
        ({"continue": True, "checkpoint": {"path": "a"}}, "`continue` trains without masks"),
        ({"training": {"lr": 1}}, r"systems\.new: `training` is set, but this system is not trained"),
        ({"checkpoint": {"path": "a"}, "training": {"lr": 1}}, "this system is not trained"),
        ({"checkpoint": {"transformers": "a"}}, "only the baseline brings a vocabulary of its own"),
        ({"checkpoint": {"path": "a", "url": "b"}}, r"systems\.new\.checkpoint: give exactly one"),
        (
            {"continue": True, "training": {"max_update": 0}},
            r"without training \(systems\.new\.training\.max_update: 0\) it would be the baseline",
        ),
        (
            {"masks": RANDOM, "training": {"max_update": 0, "lr": 1}},
            r"systems\.new\.training: with max_update 0 nothing is trained, so lr is idle",
        ),
        ({"training": {"max_update": 0}}, r"systems\.new: `training` is set, but this system is not trained"),
        ({"translations": "x", "training": {"max_update": 3}}, "`training` is set, but this system is not trained"),
        ({"translations": "x", "masks": RANDOM}, r"systems\.new: existing translations go with no other key"),
        ({"translations": "x", "continue": True}, "existing translations go with no other key"),
    ],
)
def test_systems_that_cannot_be_are_refused(system, message):
    with pytest.raises(UserError, match=message):
        check(systems(new=system))


def test_everything_the_design_lists_is_accepted():
    four = {"en-x": {"encoder": 95, "decoder": 90}, "x-en": {"encoder": 85, "decoder": 80}}
    made = systems(
        split={"masks": {"select": "cumulative", "k": four}},
        encoder={"masks": {"select": "cumulative", "k": 95, "components": ["encoder"]}},
        random={"masks": {**RANDOM, "seed": 1}},
        dense={"continue": True},
        released={"checkpoint": {"path": "ns.pt"}, "masks": {"select": "cumulative", "k": 95}},
        theirs={"translations": "outputs/theirs"},
    )
    check(made)


def keywords() -> set[str]:
    """What a schema may say, by the draft that it names."""
    draft = schema.load(SCHEMA)["$schema"]
    meta = REGISTRY.contents(draft)
    parts = [meta, *(REGISTRY.contents(urljoin(draft, part["$ref"])) for part in meta["allOf"])]
    return {keyword for part in parts for keyword in part["properties"]}


def schemas(schema: Mapping[str, Any], where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A schema and all below it, each with its place."""
    yield where, schema
    below = [(key, schema[key]) for key in ("additionalProperties", "items") if isinstance(schema.get(key), Mapping)]
    below += [(f"{key}.{number}", one) for key in ("oneOf", "anyOf") for number, one in enumerate(schema.get(key, []))]
    below += list(schema.get("properties", {}).items())
    for name, one in schema.get("$defs", {}).items():
        # The keys of a training are a group of schemas, each referred to by its name.
        below += [(f"{name}.{key}", part) for key, part in one.items()] if name == "training" else [(name, one)]
    for name, one in below:
        yield from schemas(one, f"{where}.{name}")


def test_the_schema_says_nothing_that_its_draft_does_not_know():
    """An unquoted comma ends a description and begins a keyword that means nothing."""
    found = list(schemas(schema.load(SCHEMA), "schema"))
    assert len(found) > 100
    assert {where: sorted(set(one) - keywords()) for where, one in found if set(one) - keywords()} == {}
    assert all(str(one.get("description", ".")).endswith(".") for _, one in found)


def test_punctuation_is_normalized_only_where_it_was_asked_for():
    """References stay as they are: what a model unlearned it cannot reach."""
    assert config()["data"]["clean"]["punctuation"] is False
    for path in SHIPPED:
        made = configuration.complete(yaml.safe_load(path.read_text(encoding="utf-8")), SCHEMA)
        given = made["data"]["source"] == "databin" and made["data"]["tokenization"] == "moses"
        assert made["data"]["clean"]["punctuation"] == given, path.name


def test_the_selections_of_the_readme_and_their_like_are_taken():
    more = """
    permuted:  {masks: {select: permuted, like: ns}}
    exchanged: {masks: {select: exchanged, like: ns}}
    inverse:   {masks: {select: inverse, like: ns}}
    same:      {masks: {select: same, like: ns}}
    lape:      {masks: {select: lape}}
    na:        {masks: {select: na}}
    fisher:    {masks: {select: fisher, like: ns}}
    family:    {masks: {select: family, k: 95}}
    source:    {masks: {select: source, fraction: 0.3}}
    target:    {masks: {select: target, like: ns}}
    causal:    {masks: {select: cumulative, k: 95}, training: {max_update: 0}}
    again:     {masks: {select: exchanged, like: permuted}}
    """
    named = yaml.safe_load(more)
    check(systems(**named))
    assert Run.from_config(systems(**named), ROOT).systems["again"].like == ["results/test/masks/permuted.parquet"]


def test_systems_that_copy_each_other_are_refused_with_the_circle():
    named = {name: {"masks": {**RANDOM, "like": like}} for name, like in zip("abcd", "bcab", strict=True)}
    with pytest.raises(UserError, match=r"systems\.a\.masks\.like: b has .* be copied: b → c → a → b$"):
        check(systems(**named))
    # One that copies a member of the circle is no part of it.
    with pytest.raises(UserError, match=r"systems\.d\.masks\.like: b has .* be copied: b → c → a → b$"):
        check(systems(**dict(reversed(named.items()))))
