"""The dictionary read without fairseq is fairseq's."""

from __future__ import annotations

import pytest

from workflow_scripts.corpus.manifest import read_manifest
from workflow_scripts.corpus.symbols import read_symbols
from workflow_scripts.errors import UserError


def fairseqs(path, languages) -> list[str]:
    import workflow_scripts.fairseq_plugin.compat  # noqa: F401  isort: skip
    from fairseq.data import Dictionary
    from fairseq.data.multilingual.multilingual_utils import augment_dictionary

    dictionary = Dictionary.load(str(path))
    augment_dictionary(dictionary, languages, lang_tok_style="multilingual")
    return dictionary.symbols


def test_a_runs_dictionary_is_read_as_fairseq_does(tiny_run):
    manifest = read_manifest(tiny_run.manifest)
    symbols = read_symbols(manifest.dictionary, manifest.languages)
    assert symbols == fairseqs(manifest.dictionary, manifest.languages)
    assert symbols[-4:] == ["__en__", "__qa__", "__qe__", "__xi__"]


@pytest.mark.parametrize(
    "text",
    [
        "▁the 12\n, 9\nmadeupword0000 0\n",
        "▁the 12\n__de__ 3\n",
        "a\N{NO-BREAK SPACE}b 3\n\N{LINE SEPARATOR}c 2\nä\N{NEXT LINE}e 1\n",
        "▁the 12 #fairseq:overwrite\n▁the 3 #fairseq:overwrite\n",
        "no line feed 4\nlast 1",
        "windows 4\r\nends 1\r\n",
        "",
    ],
)
def test_odd_dictionaries_are_read_as_fairseq_does(text, tmp_path):
    path = tmp_path / "dict.txt"
    path.write_bytes(text.encode())
    assert read_symbols(path, ["en", "de"]) == fairseqs(path, ["en", "de"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1\nb\n", "line 2: 'b' is not a symbol and its count"),
        ("a 1\nb x\n", "line 2: 'b x' is not a symbol and its count"),
        ("a 1\n\n", "line 2: '' is not a symbol"),
        ("a 1\na 2\n", "line 2: 'a' stands there twice"),
        ("<unk> 1\n", "line 1: '<unk>' stands there twice"),
    ],
)
def test_what_fairseq_cannot_read_is_refused_with_its_line(text, message, tmp_path):
    path = tmp_path / "dict.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises((RuntimeError, ValueError)):
        fairseqs(path, [])
    with pytest.raises(UserError, match=message):
        read_symbols(path, [])
    with pytest.raises(UserError, match="does not exist"):
        read_symbols(tmp_path / "none", [])
    path.write_bytes("ä 1\n".encode("latin-1"))
    with pytest.raises(UserError, match="is not UTF-8"):
        read_symbols(path, [])
