"""Labels in the COCO format and of CVAT."""

from __future__ import annotations

import pytest
from helpers import emotion_sets

from harness import BadData


def coco(
    images, annotations, categories=("happy", "fear", "sad"), order=("images", "annotations", "categories")
):
    lists = {
        "images": [{"id": i, "file_name": name, "width": 8, "height": 8} for i, name in enumerate(images)],
        "annotations": annotations,
        "categories": [{"id": i, "name": name} for i, name in enumerate(categories)],
    }
    return {"info": {"year": 2026}, **{name: lists[name] for name in order}}


def region(image, category, **more):
    return {"id": 1, "image_id": image, "category_id": category, "bbox": [1, 2.5, 3, 4], **more}


@pytest.mark.parametrize(
    "order", [("images", "annotations", "categories"), ("annotations", "categories", "images")]
)
def test_coco(order, release):
    names = ("a.png", "b.png", "c.png", "d.png", "e.png", "nowhere.png")
    emotion_sets.pictures(release.root, *names[:5], "f.png")
    emotion_sets.document(
        release.root / "annotations.json",
        coco(
            names,
            [
                region(0, 0, attributes={"intensity": "3,5", "glasses": True}),
                region(0, 0, attributes={"intensity": 4}, bbox=[0, 0, 1, 1]),
                region(1, 1, attributes={"intensity": "much"}),
                region(2, 0),
                region(2, 2),
                region(3, 9),
                region(77, 0),
                region(5, 0),
                region(0, 0, attributes={"intensity": 4}, bbox=[0, 0, 1, 1]),
                "no annotation",
            ],
            order=order,
        ),
    )
    got = release.load("coco", label=None)
    assert {
        k: (r["emotion"], r["category"], r["intensity"], r["regions"], r["box"]) for k, r in got.rows.items()
    } == {
        "a": ("happy", "happy", "3.75", "2", ""),
        "b": ("", "fear", "", "1", "1,2.5,3,4"),
    }
    assert got.rows["a"]["answer_glasses"] == "true"
    assert got.reasons("annotations.json") == {
        "broken row": 1,
        "duplicate": 1,
        "no picture": 1,
        "two labels": 2,
        "unknown category": 1,
        "unknown image": 1,
    }
    assert got.summary["tables"]["annotations.json"]["rows"] == 10
    assert got.summary["tables"]["annotations.json"]["partly_used"] == {
        "category outside the six emotions": 1,
        "not a number": 1,
    }
    assert got.reasons("pictures") == {"no annotations": 2, "no picture": 1, "no row": 1}
    assert got.summary["label"] == "perceived"
    assert release.load("coco", label="intended").summary["label"] == "intended"


def test_coco_with_broken_images(release):
    emotion_sets.pictures(release.root, "a.png")
    value = coco(["a.png"], [region(0, 0)])
    value["images"] += [7, {"id": 5}, {"file_name": "a.png"}]
    value["categories"] += [7, {"id": 9}]
    emotion_sets.document(release.root / "x.json", value)
    got = release.load("coco")
    assert list(got.rows) == ["a"]
    assert got.reasons("pictures") == {"broken image": 2, "no image name": 1}
    emotion_sets.document(release.root / "x.json", {"images": [], "annotations": []})
    with pytest.raises(BadData, match="no entries in 'images'"):
        release.load("coco")
    (release.root / "x.json").unlink()
    with pytest.raises(BadData, match="contains no JSON file"):
        release.load("coco")


def cvat(*images, head=""):
    return f'<?xml version="1.0" encoding="utf-8"?>{head}<annotations><version>1.1</version>{"".join(images)}</annotations>'


def image(name, *shapes):
    return f'<image id="0" name="{name}" width="8" height="8">{"".join(shapes)}</image>'


def tag(label, **attributes):
    inner = "".join(f'<attribute name="{k}">{v}</attribute>' for k, v in attributes.items())
    return f'<tag label="{label}" source="manual">{inner}</tag>\n'


def box(label, **attributes):
    return (
        tag(label, **attributes)
        .replace("<tag", '<box xtl="1.5" ytl="2" xbr="4" ybr="6"')
        .replace("tag>", "box>")
    )


def test_cvat(release):
    emotion_sets.pictures(release.root, *(f"images/{n}.png" for n in "abcde"), "f.png")
    release.text(
        "annotations.xml",
        cvat(
            image("a.png", tag("happy", intensity=4, glasses="yes &amp; no")),
            image("images/b.png", box("Fear", quality="2,5"), box("Fear")),
            image("c.png", tag("happy"), tag("sad")),
            image("d.png"),
            image("e.png", box("sad")),
            image("nowhere.png", tag("sad")),
            image("", tag("sad")),
            image("a.png", tag("", intensity=1), tag("happy", intensity=4, glasses="yes &amp; no")),
        ),
    )
    got = release.load("cvat", domain="shown")
    assert {k: (r["emotion"], r["category"], r["intensity"], r["quality"]) for k, r in got.rows.items()} == {
        "images/a": ("happy", "happy", "4", ""),
        "images/b": ("", "Fear", "", "2.5"),
        "images/e": ("sad", "sad", "", ""),
    }
    assert got.rows["images/e"]["box"] == "1.5,2,2.5,4"
    assert got.rows["images/a"]["answer_glasses"] == "yes & no"
    assert got.rows["images/b"]["regions"] == "2"
    assert got.rows["images/b"]["domain"] == "shown"
    assert got.summary["tables"]["annotations.xml"]["rows"] == 10
    assert got.reasons("annotations.xml") == {"duplicate": 1, "no label": 1, "no picture": 2, "two labels": 2}
    assert got.reasons("pictures") == {"no annotations": 1, "no image name": 1, "no picture": 1, "no row": 1}


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (cvat(image("a.png", tag("&b;")), head=BOMB), "declares a document type"),
        (cvat(image("a.png", tag("&a;")), head=OUTSIDE), "declares a document type"),
        (cvat(image("a.png", tag("&a;"))), "undefined entity"),
        (cvat(image("a.png", tag("happy")))[:-5], "not valid XML"),
        (cvat(), "no element <image>"),
        ("<a>" * 100_000, "nested too deeply"),
        (f"<annotations><!-- {'x' * 9_000_000}", "larger than 4 MiB"),
        ("", "not valid XML"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "unknown encoding|not text"),
        ("\0\1", "not valid XML"),
    ],
    ids=lambda value: value[:12],
)
def test_hostile_xml_is_refused(content, message, release):
    emotion_sets.pictures(release.root, "a.png")
    release.file("annotations.xml", content.encode())
    with pytest.raises(BadData, match=message):
        release.load("cvat")


def test_hostile_names_and_values(release):
    emotion_sets.pictures(release.root, "a.png", "b.png")
    long = "x" * 30_000
    release.text(
        "annotations.xml",
        cvat(
            image("../../etc/passwd", tag("happy")),
            image("b.png", tag("happy", **{f"a{i}": i for i in range(100)})),
            image("a.png", tag("=cmd()", intensity="1e999", note=long)),
        ),
    )
    got = release.load("cvat")
    assert set(got.rows) == {"a", "b"}
    assert len(got.rows["a"]["answer_note"]) == 10_000
    assert got.rows["a"]["answer_note"].endswith("...")
    assert sum(name.startswith("answer_a") and bool(v) for name, v in got.rows["b"].items()) == 50
    assert got.summary["tables"]["annotations.xml"]["partly_used"]["not a number"] == 1
