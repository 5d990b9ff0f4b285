"""Ready data-bins: shards are found in order, gaps are named."""

from __future__ import annotations

import pytest

from workflow_scripts.corpus import databin, manifest, parallel
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError

PAIRS = [Direction("en", "de")]
SPLITS = (*parallel.SPLITS, "test")


def fill(folder, pair="en-de", splits=SPLITS):
    folder.mkdir(parents=True, exist_ok=True)
    for language in ("en", "de"):
        (folder / f"dict.{language}.txt").write_text("a 1\n")
        for split in splits:
            for kind in ("bin", "idx"):
                (folder / f"{split}.{pair}.{language}.{kind}").write_text(f"{split}{language}{kind}")
    return folder


def test_one_folder(tmp_path):
    assert databin.find_shards(fill(tmp_path)) == [tmp_path]
    databin.check_dictionaries([tmp_path], ["en", "de"])
    assert databin.check_pairs([tmp_path], PAIRS) == PAIRS
    assert databin.check_pairs([tmp_path], [PAIRS[0].reverse]) == PAIRS
    assert databin.name_of(tmp_path, "test", PAIRS[0].reverse) == PAIRS[0]


def test_the_files_of_some_splits_are_found_in_every_shard(tmp_path):
    for shard in ("shard0", "shard1"):
        fill(tmp_path / shard, pair="de-en")
    found = databin.existing(tmp_path, ["test"], PAIRS)
    files = [f"test.de-en.{code}.{kind}" for code in ("de", "en") for kind in ("bin", "idx")]
    names = sorted(["dict.de.txt", "dict.en.txt", *files])
    assert found == [str(tmp_path / shard / name) for shard in ("shard0", "shard1") for name in names]
    assert databin.existing(tmp_path / "none", ["test"], PAIRS) == []


def test_shards_in_the_order_of_their_numbers(tmp_path):
    inner = tmp_path / "ec30" / "sharded"
    for number in (10, 2, 0, 1):
        fill(inner / f"shard{number}")
    shards = databin.find_shards(tmp_path)
    assert [shard.name for shard in shards] == ["shard0", "shard1", "shard2", "shard10"]


@pytest.mark.parametrize("name", ["train.en-de.de.idx", "valid.en-de.en.bin"])
def test_a_missing_file_is_named(tmp_path, name):
    (fill(tmp_path) / name).unlink()
    with pytest.raises(UserError, match=name):
        databin.check_pairs([tmp_path], PAIRS)


def test_training_data_needs_no_test_set_and_a_test_set_is_asked_for_by_itself(tmp_path):
    (fill(tmp_path) / "test.en-de.de.bin").unlink()
    assert databin.check_pairs([tmp_path], PAIRS) == PAIRS
    with pytest.raises(UserError, match=r"test\.en-de\.de\.bin is missing: pair en-de needs test data"):
        databin.name_of(tmp_path, "test", PAIRS[0])


def test_train_and_valid_in_different_orders_are_refused(tmp_path):
    for path in list(fill(tmp_path).glob("train.*")):
        path.rename(tmp_path / path.name.replace("en-de", "de-en"))
    with pytest.raises(UserError, match="train and valid of pair en-de name its languages in different orders"):
        databin.check_pairs([tmp_path], PAIRS)


def test_a_missing_pair_and_a_missing_dictionary(tmp_path):
    fill(tmp_path)
    with pytest.raises(UserError, match=r"train\.en-fr\.en\.bin is missing"):
        databin.check_pairs([tmp_path], [Direction("en", "fr")])
    with pytest.raises(UserError, match=r"dict\.fr\.txt is missing"):
        databin.check_dictionaries([tmp_path], ["en", "fr"])


def test_low_resource_pairs_may_end_with_an_early_shard_but_not_skip_one(tmp_path):
    shards = [fill(tmp_path / f"shard{i}", splits=SPLITS if i == 0 else ("train",)) for i in range(3)]
    for shard in shards[1:]:
        for path in shard.glob("train.*"):
            path.unlink()
    assert databin.check_pairs(shards, PAIRS) == PAIRS
    fill(shards[2], splits=("train",))
    with pytest.raises(UserError, match=r"shard1/train\.en-de\.en\.bin is missing"):
        databin.check_pairs(shards, PAIRS)


def test_different_dictionaries(tmp_path):
    (fill(tmp_path) / "dict.de.txt").write_text("b 1\n")
    with pytest.raises(UserError, match=r"dict\.de\.txt differs"):
        databin.check_dictionaries([tmp_path], ["en", "de"])


def test_no_databin(tmp_path):
    with pytest.raises(UserError, match=r"no dict\.\*\.txt"):
        databin.find_shards(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        databin.find_shards(tmp_path / "x")
    fill(tmp_path / "a" / "x")
    fill(tmp_path / "b" / "x")
    with pytest.raises(UserError, match="several places"):
        databin.find_shards(tmp_path)


def test_digests_follow_content_not_place(tmp_path):
    one, two = fill(tmp_path / "one"), fill(tmp_path / "two")
    (two / "train.en-fr.en.bin").write_text("of another pair")

    def digests(split):
        return [manifest.data_digests([folder], split, PAIRS)["en-de"] for folder in (one, two)]

    assert all(len(set(digests(split))) == 1 for split in SPLITS)
    (two / "test.en-de.de.bin").write_text("other")
    assert [len(set(digests(split))) for split in SPLITS] == [1, 1, 2]


def test_the_fingerprint_is_of_what_training_depends_on():
    splits = {"train": {"en-de": "a"}, "valid": {"en-de": "b"}}
    before = manifest.fingerprint(splits, "c", ["en", "de"])
    assert manifest.fingerprint(splits, "c", ["en", "de"]) == before
    assert manifest.fingerprint(splits, "c", ["de", "en"]) != before
    assert manifest.fingerprint(splits, "d", ["en", "de"]) != before
    assert manifest.fingerprint({**splits, "valid": {"en-de": "a"}}, "c", ["en", "de"]) != before
