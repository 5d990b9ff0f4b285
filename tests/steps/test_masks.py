"""The masks command: what it writes, and that the random control copies sizes and nothing else."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from tests.conftest import write_counts
from workflow_scripts import batch
from workflow_scripts.artifacts import masks_digest, read_activations, read_masks, write_activations
from workflow_scripts.neurons.criteria.cumulative import specialized
from workflow_scripts.neurons.criterion import coverage

LAYERS = [("encoder", 0), ("encoder", 1), ("decoder", 0)]
FOUR = {"en-x": {"encoder": 95, "decoder": 90}, "x-en": {"encoder": 60, "decoder": 30}}


@pytest.fixture
def counts(tmp_path):
    """`(counts per direction, files)` of two directions."""
    random = np.random.default_rng(3)
    made = {
        pair: {layer: random.integers(0, 1000, 40).astype(np.int64) for layer in LAYERS} for pair in ("en-de", "de-en")
    }
    for pair, layers in made.items():
        write_counts(tmp_path / f"{pair}.parquet", layers, {"pair": pair})
    return made, [tmp_path / f"{pair}.parquet" for pair in made]


def test_cumulative_masks_with_one_k_per_type_and_component(counts, command, tmp_path):
    made, files = counts
    output = tmp_path / "out/ns.parquet"
    said = (
        command(
            "masks", "--system", "ns", "--select", "cumulative", "--k", json.dumps(FOUR), "--output", output, *files
        )
        .ok()
        .out
    )
    found = read_masks(output)
    assert [(row.pair, row.component, row.layer) for row in found.rows] == [
        (p, *layer) for p in made for layer in LAYERS
    ]
    for row in found.rows:
        k = FOUR["en-x" if row.pair == "en-de" else "x-en"][row.component]
        these = made[row.pair][row.component, row.layer]
        assert (row.k, row.ffn_dim) == (k, 40)
        assert row.neurons.tolist() == specialized(these, k).tolist()
        assert row.coverage == coverage(these, row.neurons) >= k / 100
    kept = sum(len(row.neurons) for row in found.rows) / (40 * len(found.rows))
    sizes = [len(row.neurons) for row in found.rows]
    said_sizes = f"{min(sizes)} to {max(sizes)} in a layer, {np.mean(sizes):.1f} on average"
    assert said == f"[masks] ns · 2 directions · {kept:.1%} of the neurons kept · {said_sizes}\n"
    assert found.metadata["sizes"] == {"least": min(sizes), "mean": pytest.approx(np.mean(sizes)), "most": max(sizes)}
    assert found.metadata["density"] == kept
    assert found.metadata["k"] == FOUR
    assert found.metadata["activations"] == {
        path.stem: read_activations(path).digest(["count", "count_even"]) for path in files
    }
    assert (found.metadata["system"], found.metadata["select"]) == ("ns", "cumulative")
    assert found.metadata["digest"] == masks_digest(found.rows)


def test_the_pivot_decides_the_type_of_a_direction(counts, command, tmp_path):
    output = tmp_path / "ns.masks.parquet"
    options = ("--select", "cumulative", "--k", json.dumps(FOUR), "--pivot", "de")
    command("masks", "--system", "ns", *options, "--output", output, *counts[1]).ok()
    assert {(row.pair, row.component): row.k for row in read_masks(output).rows} == {
        ("en-de", "encoder"): 60,
        ("en-de", "decoder"): 30,
        ("de-en", "encoder"): 95,
        ("de-en", "decoder"): 90,
    }


@pytest.mark.parametrize("component", ["encoder", "decoder"])
def test_one_component_leaves_the_other_without_rows(component, counts, command, tmp_path):
    output = tmp_path / "half.parquet"
    options = ("--select", "cumulative", "--k", 95, "--components", component)
    command("masks", "--system", "ns", *options, "--output", output, *counts[1]).ok()
    assert {row.component for row in read_masks(output).rows} == {component}


@pytest.fixture
def ns(counts, command, tmp_path):
    path = tmp_path / "masks/ns.parquet"
    command("masks", "--system", "ns", "--select", "cumulative", "--k", 70, "--output", path, *counts[1]).ok()
    return path


def test_random_masks_have_the_sizes_and_not_the_members(counts, command, tmp_path, ns):
    made, files = counts
    output = tmp_path / "masks/random.parquet"
    command("masks", "--system", "ns", "--select", "random", "--like", ns, "--seed", 1, "--output", output, *files).ok()
    like, drawn = read_masks(ns).rows, read_masks(output).rows
    for one, other in zip(like, drawn, strict=True):
        assert (one.pair, one.component, one.layer, len(one.neurons)) == (
            (other.pair, other.component, other.layer, len(other.neurons))
        )
        assert other.k is None
        assert other.coverage == coverage(made[other.pair][other.component, other.layer], other.neurons)
        assert other.coverage < one.coverage
    assert any(one.neurons.tolist() != other.neurons.tolist() for one, other in zip(like, drawn, strict=True))


def test_random_masks_follow_their_seed_and_repeat_to_the_byte(counts, command, tmp_path, ns):
    def draw(name, seed, *components):
        options = ["--components", *components] if components else []
        path = tmp_path / f"{name}/r.parquet"
        arguments = ("--select", "random", "--like", ns, "--seed", seed, *options, "--output", path)
        command("masks", "--system", "ns", *counts[1], *arguments).ok()
        return path

    first, again, other = draw("a", 1), draw("b", 1), draw("c", 2)
    assert first.read_bytes() == again.read_bytes()
    assert masks_digest(read_masks(first).rows) != masks_digest(read_masks(other).rows)
    # What is drawn for a layer does not depend on what else is drawn.
    decoder = read_masks(draw("d", 1, "decoder")).rows
    whole = {(row.pair, row.component, row.layer): row.neurons.tolist() for row in read_masks(first).rows}
    assert all(whole[row.pair, row.component, row.layer] == row.neurons.tolist() for row in decoder)
    assert {row.component for row in decoder} == {"decoder"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--select", "cumulative"], "--select cumulative needs --k"),
        (["--select", "random"], "--select random needs --like and --seed"),
        (["--select", "cumulative", "--k", 9, "--seed", 1], "--select cumulative takes no --seed"),
        (["--select", "random", "--seed", 1], "--select random needs --like"),
        (["--select", "cumulative", "--k", 0], r"encoder layer 0: k = 0 is outside (0, 100]"),
    ],
)
def test_refusals(options, message, counts, command, tmp_path):
    result = command("masks", "--system", "ns", *options, "--output", tmp_path / "x/x.parquet", *counts[1])
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err
    assert not (tmp_path / "x/x.parquet").exists()


def test_a_silent_layer_is_named(command, tmp_path):
    path = tmp_path / "en-de.parquet"
    write_counts(path, {("decoder", 3): np.zeros(4, dtype=np.int64)}, {"pair": "en-de"})
    result = command(
        "masks", "--system", "ns", "--select", "cumulative", "--k", 95, "--output", tmp_path / "x/x.parquet", path
    )
    assert result.code == 2
    assert "en-de, decoder layer 3: no neuron of the layer was ever active" in result.err


def test_no_counts_at_all(command, tmp_path):
    result = command("masks", "--system", "ns", "--select", "cumulative", "--k", 95, "--output", tmp_path / "x.parquet")
    assert result.code == 2
    assert "no activation files are given" in result.err


def test_random_masks_of_directions_without_counts_are_refused(counts, command, tmp_path, ns):
    options = ("--select", "random", "--like", ns, "--seed", 1)
    result = command("masks", "--system", "ns", *options, "--output", tmp_path / "x/x.parquet", counts[1][0])
    assert result.code == 2
    assert "de-en" in result.err


def again(command, output, files, *options):
    """Select once more; whether the file was written."""
    os.utime(output, (1000, 1000))
    before = output.stat().st_ino
    command("masks", "--system", "ns", "--select", "cumulative", *options, "--output", output, *files).ok()
    assert output.stat().st_mtime > 1000, "what is current gets a new time"
    return output.stat().st_ino != before


def test_masks_are_selected_again_where_counts_settings_or_code_changed(counts, command, tmp_path, ns, monkeypatch):
    made, files = counts
    assert not again(command, ns, files, "--k", 70)
    write_counts(files[0], made["en-de"], {"pair": "en-de", "checkpoint": "another with the same counts"})
    assert not again(command, ns, files, "--k", 70)
    assert again(command, ns, files, "--k", 80)
    assert again(command, ns, files, "--k", 80, "--pivot", "de")
    other = made["en-de"] | {("decoder", 0): made["en-de"]["decoder", 0][::-1].copy()}
    write_counts(files[0], other, {"pair": "en-de"})
    assert again(command, ns, files, "--k", 80, "--pivot", "de")
    assert not again(command, ns, files, "--k", 80, "--pivot", "de")
    with monkeypatch.context() as patch:
        patch.setenv(batch.RECOMPUTE, "masks")
        assert again(command, ns, files, "--k", 80, "--pivot", "de")
    monkeypatch.setattr(batch, "step_digest", lambda step, *registered: f"other code of {step}")
    assert again(command, ns, files, "--k", 80, "--pivot", "de")


def test_the_random_control_follows_the_masks_that_it_copies(counts, command, tmp_path, ns):
    output = tmp_path / "masks/random.parquet"

    def drawn():
        options = ("--system", "random", "--select", "random", "--like", ns, "--seed", 1)
        command("masks", *options, "--output", output, *counts[1]).ok()
        return output.stat().st_ino

    first = drawn()
    os.utime(ns)
    assert drawn() == first
    command("masks", "--system", "ns", "--select", "cumulative", "--k", 60, "--output", ns, *counts[1]).ok()
    assert drawn() != first


def test_every_file_of_counts_is_read_once(counts, command, tmp_path, ns, monkeypatch):
    from workflow_scripts.steps import masks

    read = []
    monkeypatch.setattr(
        masks, "read_activations", lambda path, *names: read.append(path) or read_activations(path, *names)
    )
    options = ("--system", "random", "--select", "random", "--like", ns, "--seed", 1)
    command("masks", *options, "--output", tmp_path / "masks/random.parquet", *counts[1]).ok()
    assert read == counts[1]


def test_the_overlap_with_the_system_that_is_copied_is_said(counts, command, tmp_path, ns):
    output = tmp_path / "masks/permuted.parquet"
    options = ("--select", "permuted", "--like", ns, "--seed", 1, "--output", output)
    said = command("masks", "--system", "permuted", *options, *counts[1]).ok().out
    found, copied = read_masks(output), read_masks(ns)
    pairs = [(set(a.neurons), set(b.neurons)) for a, b in zip(found.rows, copied.rows, strict=True)]
    overlap = np.mean([len(a & b) / len(a | b) for a, b in pairs])
    assert 0 < overlap < 1
    assert found.metadata["overlap"] == pytest.approx(overlap)
    assert said.endswith(f" · overlap with the copied system {overlap:.3f} (IoU)\n")
    assert "overlap" not in copied.metadata


@pytest.fixture
def counted(counts):
    """The same counts, with the positions that they are over."""

    def write(positions: int) -> list:
        for pair, path in zip(counts[0], counts[1], strict=True):
            over = {"encoder": positions, "decoder": positions + 200}
            write_counts(path, counts[0][pair], {"pair": pair, "counted_positions": over})
        return counts[1]

    return write


def test_rates_are_over_the_positions_that_were_counted(counts, counted, command, tmp_path):
    output = tmp_path / "frequent.parquet"
    arguments = ("--system", "f", "--select", "frequency", "--threshold", 0.5, "--output", output)
    for positions in (1000, 800):
        command("masks", *arguments, *counted(positions)).ok()
        for row in read_masks(output).rows:
            these = counts[0][row.pair][row.component, row.layer]
            over = positions if row.component == "encoder" else positions + 200
            assert row.neurons.tolist() == np.flatnonzero(2 * these >= over).tolist()
    inode = output.stat().st_ino
    command("masks", *arguments, *counted(800)).ok()
    assert output.stat().st_ino == inode


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--select", "fisher", "--k", 95], "of en-de have no fisher, which --select fisher needs: record them again"),
        (["--select", "na"], "of en-de have no taylor"),
        (["--select", "fisher"], "--select fisher needs exactly one of --like, --k, --fraction"),
        (["--select", "family", "--k", 95], "--select family needs --families"),
        (["--select", "same", "--k", 95], "it is not known over how many positions of en-de (encoder)"),
        (["--select", "same", "--k", 95, "--positions", "all"], "over how many positions of en-de (encoder)"),
    ],
)
def test_refusals_of_what_a_criterion_needs(options, message, counts, command, tmp_path):
    result = command("masks", "--system", "x", *options, "--output", tmp_path / "x/x.parquet", *counts[1])
    assert (result.code, "Traceback" in result.err) == (2, False)
    assert message in result.err


def test_families_decide_and_are_part_of_what_masks_are_made_from(counts, counted, command, tmp_path):
    counted(1000)
    for pair in ("en-fr", "en-nl"):
        layers = {layer: np.random.default_rng(len(pair)).permutation(np.arange(40) ** 2) for layer in LAYERS}
        over = {"encoder": 1000, "decoder": 2000}
        write_counts(tmp_path / f"{pair}.parquet", layers, {"pair": pair, "counted_positions": over})
    files = [*counts[1], tmp_path / "en-fr.parquet", tmp_path / "en-nl.parquet"]
    output = tmp_path / "family.parquet"

    def select(**families):
        told = ("--families", json.dumps({"en": "a", **families}))
        command("masks", "--system", "f", "--select", "family", "--k", 70, *told, "--output", output, *files).ok()
        kept = read_masks(output).kept()
        return [
            {two for two in kept if all(kept[one][at].tolist() == kept[two][at].tolist() for at in LAYERS)}
            for one in ("en-de", "en-fr")
        ]

    assert select(de="a", nl="a", fr="b") == [
        {"en-de", "en-nl"},
        {
            "en-fr",
        },
    ]
    assert select(de="b", nl="c", fr="b") == [{"en-de", "en-fr"}, {"en-de", "en-fr"}]


def test_components_that_the_copied_system_does_not_mask_leave_nothing(counts, command, tmp_path):
    half, output = tmp_path / "half.parquet", tmp_path / "x/x.parquet"
    options = ("--select", "cumulative", "--k", 70, "--components", "encoder", "--output", half)
    command("masks", "--system", "half", *options, *counts[1]).ok()
    options = ("--select", "random", "--like", half, "--seed", 1, "--components", "decoder", "--output", output)
    result = command("masks", "--system", "x", *options, *counts[1])
    assert result.code == 2
    assert "nothing is masked: the copied system has no masks in decoder" in result.err


def test_activations_of_a_model_of_another_shape_are_refused(counts, command, tmp_path, ns):
    own = tmp_path / "own.parquet"
    options = ("masks", "--system", "x", "--select", "cumulative", "--k", 70, "--baseline-activations", own)
    write_counts(own, dict.fromkeys(LAYERS, np.ones(40, dtype=np.int64)), {"pair": "en-de"})
    command(*options, "--output", tmp_path / "x/x.parquet", *counts[1]).ok()
    write_counts(own, dict.fromkeys(LAYERS, np.ones(48, dtype=np.int64)), {"pair": "en-de"})
    result = command(*options, "--output", tmp_path / "y/y.parquet", *counts[1])
    assert result.code == 2
    assert (
        "2 encoder and 1 decoder layers of 40 neurons, not 2 encoder and 1 decoder layers of 48 neurons" in result.err
    )
    wider = tmp_path / "en-de.parquet"
    write_counts(wider, dict.fromkeys(LAYERS, np.ones(48, dtype=np.int64)), {"pair": "en-de"})
    options = ("--select", "random", "--like", ns, "--seed", 1, "--output", tmp_path / "z/z.parquet")
    result = command("masks", "--system", "z", *options, wider, counts[1][1])
    assert result.code == 2
    assert "the masks that are copied have 40 neurons, the activations 48" in result.err


def test_positions_say_which_counts_decide(counted, counts, command, tmp_path):
    """With padding other neurons are the most active ones; masks say so, and are made anew."""
    files, output = counted(1000), tmp_path / "padded.parquet"
    for pair, path in zip(counts[0], files, strict=True):
        found = read_activations(path)
        padded = {
            layer: {**columns, "count_all": columns["count"][::-1].copy()} for layer, columns in found.values.items()
        }
        write_activations(path, padded, {"pair": pair, "counted_positions": {}, "counted_positions_all": {}})
    sets = {}
    for positions in ("real", "all"):
        said = ("--system", "p", "--select", "top", "--fraction", 0.5, "--positions", positions)
        command("masks", *said, "--output", output, *files).ok()
        sets[positions] = read_masks(output)
        assert sets[positions].metadata["positions"] == positions
    for real, padded in zip(sets["real"].rows, sets["all"].rows, strict=True):
        assert real.neurons.tolist() != padded.neurons.tolist()
        best = np.argsort(-counts[0][real.pair][real.component, real.layer][::-1], kind="stable")
        assert sorted(padded.neurons.tolist()) == sorted(best[: len(padded.neurons)].tolist())


@pytest.fixture
def halves(counts):
    """The same files, with counts of the sentences at even lines among them, and the positions of both."""

    def write(seed: int) -> dict:
        draw, made = np.random.default_rng(seed), {}
        for pair, path in zip(counts[0], counts[1], strict=True):
            found = read_activations(path)
            even = {layer: draw.binomial(each, 0.5) for layer, each in counts[0][pair].items()}
            values = {layer: columns | {"count_even": even[layer]} for layer, columns in found.values.items()}
            over = {"counted_positions": dict.fromkeys(("encoder", "decoder"), 1200)}
            over |= {"counted_positions_even": {"encoder": 700, "decoder": 500}}
            write_activations(path, values, {"pair": pair, **over})
            made[pair] = even
        return made

    return write


def test_halves_of_the_text_choose_as_the_whole_does(counts, halves, command, tmp_path):
    output = tmp_path / "ns.parquet"
    arguments = ("--system", "ns", "--select", "cumulative", "--k", 60, "--output", output, *counts[1])
    even = halves(1)
    said = command("masks", *arguments).ok().out
    shares = []
    for row in read_masks(output).rows:
        ours = even[row.pair][row.component, row.layer]
        one, other = (
            set(specialized(each, 60)) for each in (ours, counts[0][row.pair][row.component, row.layer] - ours)
        )
        shares.append(len(one & other) / len(one | other))
        assert row.halves == pytest.approx(shares[-1])
    assert 0 < np.mean(shares) < 1
    assert read_masks(output).metadata["halves"] == pytest.approx(np.mean(shares))
    assert f" · halves of the text agree by {np.mean(shares):.3f} (IoU)" in said
    inode = output.stat().st_ino
    command("masks", *arguments).ok()
    assert output.stat().st_ino == inode
    halves(2)
    command("masks", *arguments).ok()
    assert output.stat().st_ino != inode, "other halves of the same counts"


def test_rates_of_halves_are_over_their_own_positions(counts, halves, command, tmp_path):
    even, output = halves(1), tmp_path / "f.parquet"
    command("masks", "--system", "f", "--select", "frequency", "--threshold", 0.4, "--output", output, *counts[1]).ok()
    over = {"encoder": (700, 500), "decoder": (500, 700)}
    for row in read_masks(output).rows:
        ours, whole = even[row.pair][row.component, row.layer], counts[0][row.pair][row.component, row.layer]
        parts = zip((ours, whole - ours), over[row.component], strict=True)
        one, other = (set(np.flatnonzero(5 * each >= 2 * total)) for each, total in parts)
        assert row.halves == pytest.approx(len(one & other) / len(one | other))


@pytest.mark.parametrize(
    "options",
    [
        ["--select", "absolute", "--fraction", 0.5],
        ["--select", "magnitude", "--fraction", 0.5],
        ["--select", "cumulative", "--k", 60, "--positions", "all"],
    ],
)
def test_halves_do_not_choose_by_what_was_not_halved(options, counts, halves, command, tmp_path):
    halves(1)
    output = tmp_path / "m.parquet"
    said = command("masks", "--system", "m", *options, "--output", output, *counts[1]).ok().out
    assert {row.halves for row in read_masks(output).rows} == {None}
    assert "halves" not in said


def test_masks_of_before_have_no_halves(counts, command, tmp_path):
    import pyarrow.parquet as pq

    path = tmp_path / "ns.parquet"
    command("masks", "--system", "ns", "--select", "cumulative", "--k", 60, "--output", path, *counts[1]).ok()
    pq.write_table(pq.read_table(path).drop_columns(["halves"]), path)
    assert {row.halves for row in read_masks(path).rows} == {None}
