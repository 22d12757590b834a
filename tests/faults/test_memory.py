"""Pictures that are small files and large in memory, or that take a decoder for ever: bounded, and never called broken wrongly."""

from __future__ import annotations

import io
import resource
import struct
import subprocess
import threading
import time
import zlib
from pathlib import Path

import pytest
from helpers.command import SCRIPT, InProcess
from PIL import Image

from harness.images.bare import MAX_SCANS, bare
from harness.images.decoding import PictureProblem, decode
from harness.images.metadata import portable
from harness.run.prefetch import PrefetchSource, Prepared
from harness.run.room import NoRoom, Room, reserve

pytestmark = pytest.mark.faults

MB = 2**20


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def large_data(folder: Path, count: int, side: int = 7000) -> Path:
    """A data folder of pictures of 49 megapixels, each of its own bytes."""
    folder.mkdir()
    data = encoded(Image.new("RGB", (side, side), (200, 150, 100)), "PNG")
    for number in range(count):
        text = b"n\0%d" % number
        chunk = struct.pack(">I", len(text)) + b"tEXt" + text + struct.pack(">I", zlib.crc32(b"tEXt" + text))
        (folder / f"p{number}.png").write_bytes(data[:-12] + chunk + data[-12:])
    rows = "".join(f"p{n}.png,s{n},{('happy', 'sad')[n % 2]}\n" for n in range(count))
    (folder / "manifest.csv").write_text(f"image,id,emotion\n{rows}")
    return folder


PEAK = """
import sys
from harness.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as e:
    print("exit", e.code, file=sys.stderr)
print("peak", int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) // 1024, file=sys.stderr)
"""


@pytest.mark.slow
def test_large_pictures_are_decoded_one_by_one(tmp_path: Path) -> None:
    large_data(tmp_path / "large", 5)
    command = ["run", "--task", "coarse_emotion", "--model", "echo", "--data", "large", "--out", "run"]
    python = Path(SCRIPT).with_name("python")
    done = subprocess.run(
        [python, "-c", PEAK, *command], cwd=tmp_path, capture_output=True, text=True, timeout=280, check=True
    )
    assert "exit 0" in done.stderr
    assert int(done.stderr.split("peak ")[1].split()[0]) < 900


def test_good_pictures_are_not_called_broken_for_want_of_memory(tmp_path: Path) -> None:
    large_data(tmp_path / "large", 2)
    run = [SCRIPT, "run", "--task", "coarse_emotion", "--model", "echo", "--data", "large", "--out", "run"]

    def limited() -> None:
        used = 700 * MB
        resource.setrlimit(resource.RLIMIT_AS, (used, used))

    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, timeout=200, preexec_fn=limited, check=False)  # fmt: skip
    assert "Traceback" not in done.stderr
    failures = (tmp_path / "run" / "failures.jsonl") if (tmp_path / "run").exists() else None
    assert failures is None or "broken" not in failures.read_text()
    again = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("error", [MemoryError(), OSError("out of memory when reading image file")])
def test_memory_is_the_reason(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(PictureProblem) as caught:
        decode(encoded(Image.new("RGB", (9, 9)), "BMP"), "x.bmp")
    assert (caught.value.kind, caught.value.retryable) == ("memory", True)


def test_memory_is_asked_for_before_a_picture_is_decoded() -> None:
    asked: list[int] = []
    data = encoded(Image.new("L", (3000, 2000)), "PNG")
    decode(data, "x.png", asked.append)
    portable(data, "x.png", asked.append)
    assert asked == [3000 * 2000 * 8] * 2


def many_scans(count: int, side: int = 64) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    picture = Image.effect_noise((64, 64), 80).resize((side, side), Image.Resampling.NEAREST)
    data = encoded(picture, "JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    return data[:at] + data[at:-2] * count + b"\xff\xd9"


def test_scans_of_a_jpeg_are_bounded() -> None:
    assert decode(many_scans(1), "x.jpg").image.size == (64, 64)
    started = time.perf_counter()
    for count in (MAX_SCANS + 1, 100_000):
        with pytest.raises(PictureProblem, match="scans") as caught:
            decode(many_scans(count), "x.jpg")
        assert caught.value.kind == "too_large"
    assert time.perf_counter() - started < 60


def test_a_film_behind_a_picture_is_no_scan() -> None:
    data = encoded(Image.new("RGB", (64, 64)), "JPEG") + b"\xff\xda\x00\x04" * 1000
    assert decode(data, "x.jpg").image.size == (64, 64)


def test_scans_count_more_in_large_pictures() -> None:
    with pytest.raises(PictureProblem, match="scans are too many for 7000x7000"):
        decode(many_scans(60, 7000), "x.jpg")


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def tags(count: int, size: int) -> bytes:
    """A TIFF directory of tags that all name the same bytes."""
    entries = b"".join(struct.pack("<HHII", 0x8000 + n % 0x7000, 7, size, 8) for n in range(count))
    return b"II*\0" + struct.pack("<IH", 8, count) + entries + bytes(4) + bytes(size)


def hostile() -> dict[str, bytes]:
    picture = Image.new("RGB", (40, 30), (10, 200, 90))
    png, jpeg = encoded(picture, "PNG"), encoded(picture, "JPEG", quality=95)
    webp, gif = encoded(picture, "WEBP", lossless=True), encoded(picture, "GIF")
    exif = b"Exif\0\0" + tags(5000, 3000)
    segment = b"\xff\xe1" + struct.pack(">H", len(exif[:65_000]) + 2) + exif[:65_000]
    text = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(10**6)))
    profile = chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(40 * 10**6)))
    comment = b"!\xfe" + (b"\xff" + b"c" * 255) * 4 + b"\0"
    extended = b"VP8X" + struct.pack("<I", 10) + b"\x28\0\0\0" + b"\x27\0\0\x1d\0\0"
    body = extended + webp[12:] + b"EXIF" + struct.pack("<I", len(exif)) + exif
    return {
        "png text": png[:33] + text * 300 + png[33:],
        "png profile": png[:33] + profile + png[33:],
        "png exif": png[:33] + chunk(b"eXIf", tags(5000, 3000)) + png[33:],
        "png empty chunks": png[:33] + chunk(b"teSt", b"") * 100_000 + png[33:],
        "jpeg exif": jpeg[:2] + segment * 300 + jpeg[2:],
        "jpeg comments": jpeg[:2] + (b"\xff\xfe\xff\xff" + bytes(65_533)) * 500 + jpeg[2:],
        "gif comments": gif[: 13 + 3 * (2 << (gif[10] & 7))]
        + comment * 20_000
        + gif[13 + 3 * (2 << (gif[10] & 7)) :],
        "webp exif": b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body,
    }


@pytest.mark.parametrize("name", hostile())
def test_metadata_reaches_no_decoder(name: str) -> None:
    data = hostile()[name]
    started = time.perf_counter()
    found = decode(data, name)
    assert time.perf_counter() - started < 30
    assert found.image.size == (40, 30)
    red, green, blue = found.image.getpixel((5, 5))
    assert abs(red - 10) + abs(green - 200) + abs(blue - 90) < 30
    assert len(bare(data).data) < 5000


def test_a_tiff_whose_tags_name_the_same_bytes() -> None:
    with pytest.raises(PictureProblem, match="its tags name"):
        decode(tags(20_000, 60_000), "x.tif")
    picture = encoded(Image.new("RGB", (400, 300)), "TIFF")
    assert decode(picture, "x.tif").image.size == (400, 300)


@pytest.mark.parametrize("form", ["PNG", "GIF", "WEBP"])
def test_only_the_first_frame_of_a_film_is_decoded(form: str) -> None:
    frames = [Image.new("RGB", (64, 64), (n % 256, n // 256, 90)) for n in range(400)]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=10)
    started = time.perf_counter()
    assert decode(data, "x").image.size == (64, 64)
    assert time.perf_counter() - started < 20


@pytest.mark.parametrize("data", [b"GIF89a", b"GIF89a" + bytes(7) + b"!" * 99, b"\xff\xd8" + b"\xff" * 99, b"\xff\xd8\xff\xe1",
                                  b"RIFF\0\0\0\0WEBP", b"\x89PNG\r\n\x1a\n" + b"\xff" * 20, b"II*\0\xff\xff\xff\xff",
                                  b"MM\0*\0\0\0\x08\xff\xff"])  # fmt: skip
def test_stumps_are_problems_of_their_own(data: bytes) -> None:
    with pytest.raises(PictureProblem):
        decode(data, "x")


def test_room_is_given_in_order() -> None:
    """Large jobs, several in a chunk: never two at a time, all in order, and none is lost."""
    live, most, lock = 0, 0, threading.Lock()

    def prepare(job: int) -> Prepared[int]:
        nonlocal live, most
        reserve(100 if job % 3 else 5)
        with lock:
            live += job % 3 > 0
            most = max(most, live)
        time.sleep(0.001)
        return Prepared([job], 60 if job % 3 else 5)

    def arrived(job: int, prepared: Prepared[int]) -> None:
        nonlocal live
        with lock:
            live -= job % 3 > 0

    source = PrefetchSource(iter(range(60)), prepare, arrived, max_bytes=90, workers=4)
    assert list(source) == list(range(60))
    source.close()
    assert most <= 2, "one that is decoded, and one that waits to be taken"
    source = PrefetchSource(iter(range(60)), prepare, arrived, max_bytes=90, workers=4)
    found: list[int] = []
    while not source.exhausted:
        found += source.ready(7)
    source.close()
    assert found == list(range(60))


def test_a_closed_room_lets_nobody_wait() -> None:
    room = Room(10)
    room.take(0, 50, waits=True) if room.first(0, waiting=True) is None else None
    ended: list[str] = []

    def wait() -> None:
        try:
            room.take(1, 50, waits=True)
        except NoRoom:
            ended.append("no room")

    thread = threading.Thread(target=wait)
    thread.start()
    room.close()
    thread.join(5)
    assert ended == ["no room"]


def test_a_picture_that_is_too_large_is_said_before_it_is_decoded(harness: InProcess, tmp_path: Path) -> None:
    folder = tmp_path / "faces" / "happy"
    folder.mkdir(parents=True)
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    (folder / "x.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    )
    harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--out", "run")
    assert "too_large" in Path("run", "failures.jsonl").read_text()
