"""What an actor does with its requests and replies, without Ray."""

from __future__ import annotations

import threading

import pytest
from memobench_ray.inbox import ROOM, Inbox
from memobench_ray.packing import failed, pack, pack_error, received, sendable, unpack, unpack_error
from PIL import Image

from harness import ImageReply, JudgeReply, MissingPackage, ReplyError


def test_a_session_ends_where_the_driver_says() -> None:
    inbox = Inbox(lambda: None)
    inbox.add([1, 2], ends=True)
    inbox.add([3], ends=False)
    sessions = inbox.sessions()
    assert list(next(sessions)) == [1, 2]
    second = next(sessions)
    assert second.ready(5) == [3]
    assert second.ready(5) == []
    assert not second.exhausted
    inbox.add([], ends=True)
    assert second.exhausted
    inbox.stop()
    assert list(sessions) == []


def test_the_driver_is_told_of_a_model_that_waits_with_requests_in_hand() -> None:
    told = threading.Event()
    inbox = Inbox(told.set)
    inbox.add([1], ends=False)
    taken: list[int] = []
    session = next(inbox.sessions())
    thread = threading.Thread(target=lambda: taken.extend(session))
    thread.start()
    assert told.wait(10)
    inbox.add([2], ends=True)
    thread.join(10)
    assert taken == [1, 2]


def test_nobody_is_told_of_a_model_that_has_answered_all() -> None:
    told = threading.Event()
    inbox = Inbox(told.set)
    inbox.add([1], ends=False)
    session = next(inbox.sessions())
    assert session.ready(1) == [1]
    assert session.ready(1) == []
    assert not told.is_set(), "it did not wait"
    inbox.answered()
    assert session.ready(1, timeout=0.2) == []
    assert not told.is_set()


def test_pictures_are_decoded_when_the_model_takes_them() -> None:
    """Not before: a picture is many times larger than its file."""
    decoded: list[str] = []

    def prepare(request: str) -> tuple[str, int] | None:
        decoded.append(request)
        return None if request == "broken" else (request.upper(), ROOM // 2)

    inbox = Inbox(lambda: None, prepare)
    inbox.add(["a", "b", "c", "broken", "d"], ends=True)
    session = next(inbox.sessions())
    assert decoded == []
    assert session.ready(5) == ["A", "B"], "two fill the room"
    assert decoded == ["a", "b"]
    assert list(session) == ["C", "D"]
    assert session.exhausted


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK", "I;16"])
def test_images_arrive_as_they_were(mode: str) -> None:
    image = (
        Image.radial_gradient("L").resize((40, 30)).convert("RGB" if mode != "I;16" else "I").convert(mode)
    )
    arrived = received(unpack(pack(sendable(ImageReply("a", image)))))
    assert (arrived.image.mode, arrived.image.size) == (mode, (40, 30))
    assert arrived.image.convert("RGB").tobytes() == image.convert("RGB").tobytes()


def test_a_reply_that_cannot_travel_fails_alone() -> None:
    found = sendable(JudgeReply("a", extra={"lock": threading.Lock()}))
    assert (found.id, found.error.kind) == ("a", "invalid_reply")
    assert failed(ImageReply("x"), "b", ReplyError("k", "m")).outcome == "error"


def test_errors_keep_their_class_and_place() -> None:
    missing = unpack_error(unpack(pack(pack_error(MissingPackage("It", "torch")))))
    assert isinstance(missing, MissingPackage)
    assert missing.message.startswith("It needs the package 'torch'")
    assert missing.hint == "Install it: pip install torch"
    try:
        raise KeyError("x")
    except KeyError as e:
        other = unpack_error(pack_error(e))
    assert type(other).__name__ == "KeyError"
    assert other.memobench_place.startswith("in test_errors_keep")  # type: ignore[attr-defined]
