"""Archives from elsewhere: nothing outside the folder, nothing beyond the limits, all or nothing."""

from __future__ import annotations

import io
import shutil
import struct
import tarfile
import zipfile
from types import SimpleNamespace

import pytest

from workflow_scripts.corpus.unpack import Limits, unpack
from workflow_scripts.errors import UserError

CONTENT = bytes(range(256)) * 2000


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def archive(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as file:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = b"" if isinstance(content, tarfile.TarInfo) else content
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_unpack_tar(tmp_path, mode):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").write_text("old")
    unpack(archive(tmp_path / "a", {"bin/x": b"1", "bin/y": b"2"}, mode), folder)
    assert names(folder / "bin") == ["x", "y"]
    assert not (folder / "old").exists()


def test_unpack_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "a", "w") as file:
        file.writestr("bin/x", "1")
    unpack(tmp_path / "a", tmp_path / "folder")
    assert (tmp_path / "folder" / "bin" / "x").read_text() == "1"


@pytest.mark.parametrize(
    "members",
    [
        {"../outside": b"1"},
        {"bin/../../outside": b"1"},
        {"l": link("l", "../outside")},
        {"l": link("l", "/etc/passwd")},
        {"l": link("l", "../../outside", tarfile.LNKTYPE)},
        {"l": link("l", ".."), "l/outside": b"1"},
        {"dev": link("dev", "", tarfile.CHRTYPE)},
    ],
)
def test_hostile_tar_is_refused_whole(tmp_path, members):
    inner = tmp_path / "inner"
    inner.mkdir()
    packed = archive(inner / "a", {"good": b"1", **members})
    with pytest.raises(UserError, match="not unpacked"):
        unpack(packed, inner / "folder")
    assert names(inner) == ["a"]
    assert names(tmp_path) == ["inner"]


def test_absolute_paths_stay_inside(tmp_path):
    unpack(archive(tmp_path / "a", {"/bin/x": b"1"}), tmp_path / "folder")
    assert (tmp_path / "folder" / "bin" / "x").read_bytes() == b"1"


def test_hostile_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a", "w") as file:
        file.writestr("../outside", "1")
    with pytest.raises(UserError, match="outside"):
        unpack(tmp_path / "a", tmp_path / "folder")
    assert names(tmp_path) == ["a"]


def test_damaged_and_other_files_are_refused(tmp_path):
    path = archive(tmp_path / "a", {"x": CONTENT[:100_000], "y": bytes(9)})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="damaged"):
        unpack(path, tmp_path / "folder")
    (tmp_path / "b").write_bytes(b"no archive")
    with pytest.raises(UserError, match="neither"):
        unpack(tmp_path / "b", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def zipped(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def refused(packed, limits=None, match="not unpacked"):
    """`packed` is refused in one line, and leaves nothing but what was there."""
    folder = packed.parent / "folder"
    (folder / "old").mkdir(parents=True, exist_ok=True)
    before = names(packed.parent)
    with pytest.raises(UserError, match=match) as caught:
        unpack(packed, folder, limits or Limits())
    assert "\n" not in str(caught.value)
    assert names(packed.parent) == before
    assert names(folder) == ["old"]


BOMB = {"a": bytes(200_000), "b": bytes(200_000)}
SMALL = Limits(harmless=300_000, ratio=10)


@pytest.mark.parametrize("make", [archive, zipped])
def test_a_bomb_is_refused_before_it_goes_off(tmp_path, make):
    packed = make(tmp_path / "packed", BOMB)
    refused(packed, SMALL, match=r"unpack to more than 10 times as many.*unpack it yourself")
    unpack(packed, tmp_path / "other", Limits(harmless=400_000, ratio=10))
    assert names(tmp_path / "other") == ["a", "b"]


@pytest.mark.parametrize("make", [archive, zipped])
@pytest.mark.parametrize(
    ("limits", "told"), [(Limits(size=399_999), "more than 399,999 bytes"), (Limits(members=1), "more than 1 members")]
)
def test_size_and_number_of_members_are_limited(tmp_path, make, limits, told):
    refused(make(tmp_path / "packed", BOMB), limits, told)


@pytest.mark.parametrize("make", [archive, zipped])
def test_what_the_disk_has_no_room_for_is_refused_before_it_is_full(tmp_path, monkeypatch, make):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=399_999))
    refused(make(tmp_path / "packed", BOMB), match="at least 400,000 bytes, but .* has 399,999 left; make room")


def test_a_description_as_large_as_a_bomb_is_not_read(tmp_path):
    info = tarfile.TarInfo("x")
    info.pax_headers = {"comment": "x" * 5000}
    packed = archive(tmp_path / "packed", {"x": info})
    refused(packed, Limits(header=1000), match="description says that it has 5,0.. bytes")
    unpack(packed, tmp_path / "other")
    refused(archive(tmp_path / "long", {"x" * 5000: b""}), Limits(header=1000), match="description says")


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE])
def test_a_negative_size_does_not_lead_round_in_circles(tmp_path, kind):
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, -512
    (tmp_path / "packed").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    refused(tmp_path / "packed", match="-512 bytes")


@pytest.mark.parametrize("make", [archive, zipped])
@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2Jb", "..\\..\\x", "a\\b", "a/../b"])
def test_odd_names_are_refused(tmp_path, make, name):
    refused(make(tmp_path / "packed", {"good": b"1", name: b"1"}))


@pytest.mark.parametrize("name", ["Größe", "文 件", "a b", "-x", "$(x)"])
@pytest.mark.parametrize("make", [archive, zipped])
def test_unusual_names_are_not(tmp_path, make, name):
    unpack(make(tmp_path / "packed", {name: b"1"}), tmp_path / "folder")
    assert names(tmp_path / "folder") == [name]


@pytest.mark.parametrize(
    ("links", "told"),
    [
        ([link("l", "l")], "'l' leads to itself"),
        ([link("d/l", "m"), link("d/m", "l")], "leads to itself"),
        ([link("l", "l", tarfile.LNKTYPE)], "damaged"),
        ([link("d/l", "../x")], "'d/l' could lead outside"),
    ],
)
def test_links_to_themselves_and_upwards_are_refused(tmp_path, links, told):
    refused(archive(tmp_path / "packed", {info.name: info for info in links}), match=told)


def test_links_inside_stay(tmp_path):
    members = {"x": b"1", "hard": link("hard", "x", tarfile.LNKTYPE), "soft": link("soft", "x"), "no": link("no", "y")}
    unpack(archive(tmp_path / "packed", members), tmp_path / "folder")
    assert (tmp_path / "folder" / "hard").read_bytes() == (tmp_path / "folder" / "soft").read_bytes() == b"1"
    assert names(tmp_path / "folder") == ["hard", "no", "soft", "x"]


def test_hard_links_count_as_the_copies_they_may_become(tmp_path):
    members = {"x": bytes(1000), **{f"l{i}": link(f"l{i}", "./x", tarfile.LNKTYPE) for i in range(9)}}
    refused(archive(tmp_path / "packed", members), Limits(size=9_999), match="more than 9,999")


def test_a_tar_that_is_cut_between_two_members_is_damaged(tmp_path):
    packed = archive(tmp_path / "packed", {"x": bytes(512), "y": bytes(512), "z": b""}, "w")
    whole = packed.read_bytes()
    for end in (1024, 2048, 2048 + 100):
        packed.write_bytes(whole[:end])
        refused(packed, match="damaged: its end is missing")
    packed.write_bytes(whole[:1024] + b"\xff" * 512 + whole[1536:])
    refused(packed, match="damaged")


def test_an_encrypted_zip_is_refused(tmp_path):
    packed = zipped(tmp_path / "packed", {"x": b"1"})
    data = bytearray(packed.read_bytes())
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        struct.pack_into("<H", data, data.index(mark) + offset, 1)
    packed.write_bytes(data)
    refused(packed, match="'x' is encrypted.*not unpacked")


def test_a_zip_with_an_unknown_method_is_refused(tmp_path):
    packed = zipped(tmp_path / "packed", {"x": b"1"})
    data = bytearray(packed.read_bytes())
    for mark, offset in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        struct.pack_into("<H", data, data.index(mark) + offset, 99)
    packed.write_bytes(data)
    refused(packed)


def test_a_zip_with_a_link_is_refused(tmp_path):
    info = zipfile.ZipInfo("l")
    info.external_attr = 0o120777 << 16
    refused(zipped(tmp_path / "packed", {info: "/etc/passwd"}), match="'l' is a link")


@pytest.mark.parametrize("make", [archive, zipped])
@pytest.mark.parametrize(
    ("members", "told"),
    [({"l": b"1", "l/x": b"1"}, "l/x: Not a directory|l: File exists"), ({"x" * 300: b""}, "File name too long")],
)
def test_what_the_file_system_refuses_is_told_in_a_line(tmp_path, make, members, told):
    refused(make(tmp_path / "packed", members), match=f"cannot be unpacked: .*({told})")


def test_a_file_in_the_folders_place_is_kept(tmp_path):
    packed = archive(tmp_path / "packed", {"x": b"1"})
    (tmp_path / "folder").write_text("mine")
    with pytest.raises(UserError, match="in the way"):
        unpack(packed, tmp_path / "folder")
    assert (tmp_path / "folder").read_text() == "mine"
    with pytest.raises(UserError, match=r"cannot be unpacked: .*Not a directory"):
        unpack(packed, tmp_path / "folder" / "below")
    assert names(tmp_path) == ["folder", "packed"]


def test_a_flipped_byte_is_damage(tmp_path):
    for mode in ("w:gz", "w:bz2", "w:xz"):
        packed = archive(tmp_path / "packed", {"x": CONTENT}, mode)
        data = bytearray(packed.read_bytes())
        data[len(data) * 2 // 3] ^= 255
        packed.write_bytes(data)
        refused(packed, match="damaged")
