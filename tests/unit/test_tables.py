"""One reader of tables: the same rules for manifests used directly, ratings.csv, and imports."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import data

from harness import BadData
from harness.datasets import DataFolder, read_folder
from harness.datasets.imports import ImportOptions, data_home, import_data, kind_of
from harness.datasets.imports.pictures import PictureIndex
from harness.datasets.ratings import Known, read_ratings
from harness.datasets.table import number, open_table
from harness.types import Sample

Read = Callable[..., DataFolder]


def remarks(folder: DataFolder) -> list[str]:
    """The notes on a data set, or on its import."""
    if folder.home == folder.root:
        return folder.notes
    notes: list[str] = json.loads((folder.home / "import.json").read_text())["notes"]
    return notes


def used(folder: DataFolder) -> list[tuple[str, str | None, float | None, dict[str, str]]]:
    return [(s.id, s.emotion, s.intensity, dict(s.attributes)) for s in folder.samples if not s.problem]


@pytest.fixture(params=["direct", "imported"])
def read(request: pytest.FixtureRequest, tmp_path: Path) -> Read:
    """`read(manifest, *pictures)`: the data set of a manifest, used directly or imported."""

    def make(
        manifest: bytes | str, *pictures: str, ratings: str = "", name: str = "manifest.csv"
    ) -> DataFolder:
        root = tmp_path / "faces"
        for i, picture in enumerate(pictures or ("a.png", "b.png", "007.png")):
            (root / picture).parent.mkdir(parents=True, exist_ok=True)
            data.picture(root / "new.png", i).rename(root / picture)
        (root / name).write_bytes(manifest if isinstance(manifest, bytes) else manifest.encode())
        if ratings:
            (root / "ratings.csv").write_text(ratings, encoding="utf-8")
        if request.param == "direct":
            return read_folder(root)
        import_data(kind_of("manifest"), root, ImportOptions("intended"), name="mine", replace=True)
        return read_folder(data_home() / "mine")

    return make


ROWS = [("a", "happy", 3.5, {"note": "x"}), ("b", "sad", None, {})]
SPELLINGS = {
    "commas": b'image,emotion,intensity,note\na.png,happy,"3,5",x\nb.png,sad,,\n',
    "points": b"image,emotion,intensity,note\na.png,happy,3.5,x\nb.png,sad,,\n",
    "semicolons": b"image;emotion;intensity;note\na.png;happy;3,5;x\nb.png;sad;;\n",
    "tabs": b"image\temotion\tintensity\tnote\na.png\thappy\t3,5\tx\nb.png\tsad\t\t\n",
    "bars": b"image|emotion|intensity|note\na.png|happy|3,5|x\nb.png|sad||\n",
    "the separator named": b"sep=;\r\nimage;emotion;intensity;note\r\na.png;happy;3,5;x\r\nb.png;sad;;\r\n",
    "more of another separator in the header": b"image,emotion,intensity,note,;;;;;;\na.png,happy,3.5,x,\nb.png,sad\n",
    "case and spaces": b' Image , EMOTION,Intensity,note\na.png, happy ,3.5,x\n"b.png",sad,,\n',
    "blank lines and old line ends": b"\r\rimage,emotion,intensity,note\r\ra.png,happy,3.5,x\r,,,\rb.png,sad,,",
    "unnamed columns at the end": b"image,emotion,intensity,note,,\na.png,happy,3.5,x,,\nb.png,sad,,,,,,\n",
    "short rows": b"image,emotion,intensity,note\na.png,happy,3.5,x\nb.png,sad\n",
    "an index without a name": b",image,emotion,intensity,note\n0,a.png,happy,3.5,x\n1,b.png,sad,,\n",
}  # fmt: skip


@pytest.mark.parametrize("content", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_spellings_of_a_table(content: bytes, read: Read) -> None:
    folder = read(content)
    assert used(folder) == ROWS
    assert any("decimal" in note for note in folder.notes) is (
        b"3,5" in content and folder.home == folder.root
    )


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_encodings(encoding: str, read: Read) -> None:
    folder = read("image,emotion,note\na.png,happy,caf\xe9 \x80\n".replace("\x80", "\u20ac").encode(encoding))
    assert used(folder) == [("a", "happy", None, {"note": "caf\xe9 \u20ac"})]
    note = "manifest.csv is not UTF-8 (byte 34); it was decoded as Windows-1252."
    assert (note in remarks(folder)) is (encoding == "cp1252")


def test_the_first_wrong_byte_is_named_in_large_files_too(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"image\n" + b"\xc3\xa9\n" * 400_000 + b"\xe9\n")
    (note,) = open_table("x.csv", lambda: (tmp_path / "x.csv").open("rb")).notes
    assert "(byte 1200006)" in note


def test_long_and_multi_line_cells(read: Read) -> None:
    caption = "she said hello, then\nleft " * 8000
    folder = read(f'image,emotion,note\na.png,happy,"{caption}"\nb.png,sad,""\n')
    assert used(folder) == [("a", "happy", None, {"note": caption.strip()}), ("b", "sad", None, {})]


def test_ids_are_text(read: Read) -> None:
    folder = read("image,id,emotion\na.png,007,happy\nb.png,7,sad\n007.png,1e3,sad\n")
    assert [s.id for s in folder.samples] == ["007", "7", "1e3"]


UNCLOSED = {
    "to the end": ('a.png,"happy\nb.png,sad\n', 2),
    "to the next quote": ('a.png,happy\n"b.png,sad\n"007.png",sad\n', 3),
    "in the last line": ('a.png,happy\nb.png,"sad', 3),
    "over many lines": ('a.png,"happy\n' + "b.png,sad\n" * 500_000, 2),
    "after a cell of two lines": ('"x\ny",sad\na.png,"happy\n', 4),
}


@pytest.mark.parametrize(("rows", "line"), UNCLOSED.values(), ids=UNCLOSED.keys())
def test_an_unclosed_quote_is_an_error_where_it_opens(rows: str, line: int, read: Read) -> None:
    with pytest.raises(
        BadData, match=f"manifest.csv, line {line}: the quote at character .* is never closed"
    ):
        read("image,emotion\n" + rows)


def test_an_unclosed_quote_in_the_header(read: Read) -> None:
    with pytest.raises(BadData, match="line 1: the quote at character 7 is never closed"):
        read('image,"emotion\na.png,happy\n')


@pytest.mark.parametrize(
    "header", ["image,emotion,emotion", "image,Emotion, emotion ", "image,note,note", "image,emotion,Image"]
)
def test_a_duplicate_column_is_refused(header: str, read: Read) -> None:
    with pytest.raises(BadData, match="twice"):
        read(f"{header}\na.png,happy,sad\n")


def test_surplus_cells_are_not_used(read: Read) -> None:
    folder = read("image,emotion,intensity\na.png,happy,3,5\nb.png,sad,2\n")
    assert used(folder) == [("b", "sad", 2.0, {})]
    if folder.home == folder.root:
        assert "line 2 is invalid: 4 cells where the header has 3" in str(folder.samples[0].problem)
    else:
        report = json.loads((folder.home / "import.json").read_text())["tables"]["manifest.csv"]
        assert report["not_used"] == {"broken row": 1}


@pytest.mark.parametrize("text", ["2_0", "1,234.5", "0x10", "3.", "x", "٣,٥", "1e999"])
def test_what_is_a_number(text: str, read: Read) -> None:
    folder = read(f'image,emotion,intensity\na.png,happy,"{text}"\nb.png,sad,1\n')
    expected = {"3.": 3.0, "٣,٥": 3.5}.get(text)
    assert number(text) == expected
    assert next((s.intensity for s in folder.samples if s.id == "a"), None) == expected


def test_known_columns_are_found_in_any_case_and_others_keep_theirs(read: Read) -> None:
    folder = read("Image,Emotion,Prompt ID,SUBJECT,Weird Name,Hair\na.png,happy,p1,s1,w,h\n")
    (sample,) = folder.samples
    assert sample.attributes == {"prompt_id": "p1", "subject": "s1", "Weird Name": "w", "Hair": "h"}


def test_the_same_columns_in_other_forms_of_manifest(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = [{" Image": "a.png", "Emotion": "Happy", "INTENSITY": "3,5", "id": "007", "Subject": "s"}]
    (tmp_path / "j").mkdir()
    (tmp_path / "j/manifest.jsonl").write_bytes(json.dumps(rows[0]).encode("utf-16"))
    (tmp_path / "p").mkdir()
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "p/manifest.parquet")
    for name in ("j", "p"):
        (sample,) = read_folder(tmp_path / name).samples
        assert (sample.id, sample.path, sample.emotion, sample.intensity, sample.problem) == (
            "007", "a.png", "happy", 3.5, None,
        )  # fmt: skip
        assert sample.attributes == {"subject": "s"}
    (tmp_path / "j/manifest.jsonl").write_text('{"image": "a.png", "id": "x", "id": "y"}\n')
    parquet.write_table(
        pyarrow.table([["a.png"], ["x"], ["y"]], names=["image", "id", "ID"]), tmp_path / "p/manifest.parquet"
    )
    for name in ("j", "p"):
        with pytest.raises(BadData, match="twice"):
            read_folder(tmp_path / name)


def test_the_digest_of_a_data_set_stays_the_same(tmp_path: Path) -> None:
    """Runs resume only if it does."""
    (tmp_path / "manifest.csv").write_text(
        'image,id,emotion,intensity,quality,subject,Weird Name\na/1.png,one,Happy,2.5,4, p1 ,"x, ""y"""\n'
        'a/2.png,,SADNESS,,,,\na/3.png,007,fear,strong,inf,"two\nlines",\xe9\n\na/4.png,,neutral,1e0,-2\n'
        ",five,sad,3,3,,\nhttps://example.org/6.png,six,sad,3,3,,\n",
        encoding="utf-8",
    )
    expected = "c85e8a94ca0c5e195ffb2a5e1ac5928c10f592e229f53ed489f4d216a9d8626d"
    assert read_folder(tmp_path).digest == expected
    data.picture(tmp_path / "A/1.PNG")
    found = read_folder(tmp_path)
    assert (found.samples[0].path, found.digest) == ("A/1.PNG", expected), "whatever the files are called"


NFC, NFD = (unicodedata.normalize(form, "f\xe4ces/\xe9.png") for form in ("NFC", "NFD"))
NAMES = {
    "composed in the table": (NFC, NFD),
    "composed on disk": (NFD, NFC),
    "case": ("Faces/A.PNG", "faces/a.png"),
    "backslashes": ("faces\\deep\\a.png", "faces/deep/a.png"),
    "dots and backslashes": (".\\faces\\a.png", "faces/a.png"),
    "all": (NFD.upper().replace("/", "\\"), NFC),
}


@pytest.mark.parametrize(("name", "file"), NAMES.values(), ids=NAMES.keys())
def test_names_that_differ_from_their_file(name: str, file: str, read: Read) -> None:
    folder = read(f"image,emotion\n{name},happy\n", file)
    assert [s.path for s in folder.samples] == [file]
    assert (folder.root / file).is_file()
    if folder.home == folder.root:
        assert [note for note in folder.notes if repr(file) in note]


def test_a_name_of_several_files_is_not_guessed(read: Read) -> None:
    folder = read("image,emotion\nX.png,happy\na.png,sad\nA.png,angry\n", "a.png", "A.png", "x.PNG", "x.pNg")
    assert [(s.path, s.emotion) for s in folder.samples if not s.problem] == [
        ("a.png", "sad"),
        ("A.png", "angry"),
    ]
    if folder.home == folder.root:
        assert "'x.PNG', 'x.pNg'" in str(folder.samples[0].problem)


def test_a_backslash_in_a_name_and_paths_outside(tmp_path: Path) -> None:
    data.picture(tmp_path / "faces" / "a\\b.png")
    data.picture(tmp_path / "OUT.png")
    names = ["a\\b.png", "../out.png", "..\\out.png", str(tmp_path / "out.png"), "\\a\\b.png", "C:\\b.png"]
    data.manifest(tmp_path / "faces", [{"image": name, "emotion": "sad"} for name in names])
    assert [s.path for s in read_folder(tmp_path / "faces").samples] == names


RATINGS = "id;rater;question;value\n007;r1;intensity;3,5\n7;r1;intensity;2\na.png;r2;intensity;2\na;r2;intensity;2_0\na;r2;intensity;4\n"


def test_ratings_obey_the_same_rules(read: Read) -> None:
    manifest = "image,id,emotion\n007.png,,happy\na.png,,sad\n"
    folder = read(manifest, ratings=RATINGS)
    given = folder.ratings["intensity"]
    assert (list(given.samples), list(given.value), list(given.raters)) == (
        ["007", "a"],
        [3.5, 4.0],
        ["r1", "r2"],
    )
    if folder.home != folder.root:
        report = json.loads((folder.home / "import.json").read_text())["tables"]["ratings.csv"]
        assert report["rows"] == 5
        assert report["not_used"] == {"rating of an unused sample": 2}
        return
    assert given.skipped == {"no sample has this id": 2, "the answer cannot be read": 1}
    comma, note = folder.ratings.remarks()
    assert comma == "ratings.csv: commas in the column 'value' were read as decimal marks: 3,5 is 3.5."
    assert note.startswith("ratings.csv: 5 ratings, not used: 3: no sample has this id 2 (line 3: '7', ")
    assert "the answer cannot be read 1 (line 5: '2_0')" in note


def test_ratings_by_the_path_of_the_picture(read: Read) -> None:
    folder = read(
        "image,id,emotion\na.png,one,happy\nb.png,,sad\n",
        ratings="image,rater,question,value\na.png,r,quality,1\none,s,quality,2\nb,r,quality,3\nc.png,r,quality,4\n",
    )
    assert list(folder.ratings["quality"].samples) == ["one", "b"]
    assert sorted(folder.ratings["quality"].value) == [1.0, 2.0, 3.0]


def write_ratings(folder: Path, text: str) -> Path:
    (folder / "ratings.csv").write_text(text, encoding="utf-8")
    return folder


def test_broken_ratings_are_counted_or_refused(tmp_path: Path) -> None:
    header = "id,rater,question,value\n"
    known = Known.samples([Sample("a", "a.png")])
    rows = "a,r,intensity,3,5\na,r,,3\na,r\na,r,intensity,3\n"
    found = read_ratings(write_ratings(tmp_path, header + rows), known)
    assert {q: dict(given.skipped) for q, given in found.items()} == {
        "intensity": {"broken row": 1},
        "": {"no question is named": 2},
    }
    assert list(found["intensity"].value) == [3.0]
    (note,) = found.remarks()
    assert "ratings.csv: 4 ratings, not used: 3" in note
    assert "line 2: 5 cells where the header has 4" in note
    (tmp_path / "ratings.csv").write_bytes((header + "a,Ren\xe9,intensity,3\n").encode("cp1252"))
    found = read_ratings(tmp_path, known)
    assert list(found["intensity"].raters) == ["Ren\xe9"]
    assert found.remarks() == ["ratings.csv is not UTF-8 (byte 29); it was decoded as Windows-1252."]
    with pytest.raises(BadData, match=r"ratings.csv, line 3: the quote .* is never closed"):
        read_ratings(write_ratings(tmp_path, header + 'a,r,intensity,3\na,s,intensity,"4\n'), known)
    with pytest.raises(BadData, match="twice"):
        read_ratings(write_ratings(tmp_path, "id,rater,question,value,Value\n"), known)


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)


def test_pictures_in_formats_that_are_not_read_are_named_with_their_package(tmp_path: Path) -> None:
    data.picture(tmp_path / "faces/happy/1.png")
    for name in ("happy/IMG_1.HEIC", "happy/IMG_2.heif", "happy/Thumbs.db", "sad/x.avif", "loose.heic"):
        (tmp_path / "faces" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "faces" / name).write_bytes(HEIC)
    notes = read_folder(tmp_path / "faces").notes
    (heic,) = [n for n in notes if "IMG_1.HEIC" in n]
    assert "2 pictures of 'happy'" in heic
    assert "pillow-heif" in heic
    (other,) = [n for n in notes if "Thumbs.db" in n]
    assert "1 entries of 'happy'" in other
    assert [n for n in notes if "x.avif" in n and "pillow-avif-plugin" in n]
    assert [n for n in notes if "loose.heic" in n and "pillow-heif" in n]
    (tmp_path / "faces/happy/1.png").unlink()
    with pytest.raises(BadData, match="pillow-heif"):
        read_folder(tmp_path / "faces")


def test_imports_account_for_pictures_in_formats_that_are_not_read(tmp_path: Path) -> None:
    data.picture(tmp_path / "faces/happy/1.png")
    for name in ("IMG_1.heic", "renamed.jpg", "Thumbs.db"):
        (tmp_path / "faces/happy" / name).write_bytes(HEIC)
    done = import_data(kind_of("class-folders"), tmp_path / "faces", ImportOptions("intended"), name="mine")
    assert done["samples"] == 1
    assert done["tables"]["pictures"]["not_used"] == {
        "HEIC is not read: convert it to PNG or JPEG (the package pillow-heif reads it)": 1,
        "unusable picture": 1,
    }
    assert "pillow-heif" in (data_home() / "mine/unused.csv").read_text().partition("renamed.jpg")[2]
    (tmp_path / "faces/happy/1.png").unlink()
    (tmp_path / "faces/happy/renamed.jpg").unlink()
    with pytest.raises(BadData, match=r"IMG_1\.heic: HEIC is not read"):
        import_data(kind_of("class-folders"), tmp_path / "faces", ImportOptions("intended"), name="none")


def test_a_picture_whose_extension_is_wrong_is_read(read: Read) -> None:
    folder = read("image,emotion\nb.heic,happy\n", "a.png", "b.heic")
    assert [s.path for s in folder.samples] == ["b.heic"]


def test_tables_of_releases_name_pictures_in_any_unicode_form() -> None:
    for given, file in ((NFC, NFD), (NFD, NFC), (NFD.upper(), NFC)):
        assert PictureIndex([file, "faces/b.png"]).find(given) == [file]
    assert PictureIndex([NFC, NFD]).find(NFD) == [NFD]
