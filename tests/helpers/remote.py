"""Judges and generators whose service is a function: no network, no client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from types import SimpleNamespace
from typing import Any

from PIL import Image

from harness import (
    AsyncGenerator,
    AsyncJudge,
    ImageReply,
    ImageRequest,
    JudgeReply,
    JudgeRequest,
    Listed,
    Question,
    RemoteOptions,
    option,
)

QUESTION = Question("choice", ("happy", "sad"))


class Options(RemoteOptions):
    ref: str = option("m", "Model name.")
    max_retries: int = option(2, "Retries.", affects_answer=False)


class FunctionJudge(AsyncJudge):
    """Answers with `service(request, attempt)`, which is awaited; what it returns is the text, or a whole reply."""

    Options = Options  # type: ignore[assignment, misc]

    def __init__(self, service: Callable[[JudgeRequest, int], Awaitable[Any]], **options: Any) -> None:
        super().__init__(type(self).Options(**options))
        self.serve = service
        self.asked: list[str] = []

    async def ask(self, request: JudgeRequest) -> JudgeReply:
        self.asked.append(request.id)
        found = await self.serve(request, self.asked.count(request.id) - 1)
        return JudgeReply(request.id, text=found) if isinstance(found, str) else found


class FunctionGenerator(AsyncGenerator):
    """The same for pictures: what `service` returns is a colour, or a whole reply."""

    Options = Options  # type: ignore[assignment, misc]

    def __init__(self, service: Callable[[ImageRequest, int], Awaitable[Any]], **options: Any) -> None:
        super().__init__(type(self).Options(**options))
        self.serve = service
        self.asked: list[str] = []

    async def draw(self, request: ImageRequest) -> ImageReply:
        self.asked.append(request.id)
        found = await self.serve(request, self.asked.count(request.id) - 1)
        if isinstance(found, str):
            return ImageReply(request.id, Image.new("RGB", (8, 8), found))
        return found  # type: ignore[no-any-return]


def requests(n: int) -> list[JudgeRequest]:
    return [JudgeRequest(f"r{i}", f"s{i}", (), (), QUESTION) for i in range(n)]


def ask(judge: AsyncJudge, wanted: int | Iterable[JudgeRequest] = 1) -> dict[str, JudgeReply]:
    """The replies by id, of a judge that is opened and closed."""
    judge.open()
    try:
        source = Listed(requests(wanted) if isinstance(wanted, int) else wanted)
        return {reply.id: reply for reply in judge.stream(source)}
    finally:
        judge.close()


class StatusError(Exception):
    """An error as most clients raise it for an error response."""

    def __init__(self, status: int, text: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(f"Error code: {status}")
        self.response = SimpleNamespace(status_code=status, text=text, headers=headers or {})


async def happy(request: JudgeRequest, attempt: int) -> str:
    return "happy"


def always(error: BaseException) -> Any:
    async def serve(request: JudgeRequest, attempt: int) -> str:
        raise error

    return serve
