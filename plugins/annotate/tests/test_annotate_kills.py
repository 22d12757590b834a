"""The server is killed at any moment while somebody rates, and started again: no answer is lost, none doubled, the order is the same."""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from memobench_annotate.inviting import invite
from memobench_annotate.study import Study

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


class Server:
    """`harness annotate`, in a process of its own that is killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()

    def start(self) -> None:
        command = [Path(sys.executable).parent / "harness", "annotate", self.folder, "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5).close()
                return
            time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(make_study: Callable[..., Study], own_folders: None) -> Iterator[Server]:
    study = make_study(("coarse_emotion",), faces=12)
    text = (study.folder / "study.toml").read_text()
    (study.folder / "study.toml").write_text(text.replace("break_every = 50", "break_every = 0"))
    list(invite(study, 1, [], []))
    found = Server(study.folder)
    yield found
    found.kill()


@pytest.mark.timeout(300)
def test_the_server_is_killed_while_somebody_rates(server: Server, chromium: Any) -> None:
    study = Study.open(server.folder)
    ((name, token),) = list(invite(study, 1, [], []))
    rng = random.Random(5)
    context = chromium.new_context(locale="en-GB")
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{server.port}/r/{token}")
    for action in ("/enter", "/consent", "/check"):
        page.click(f"form[action='{action}'] button.primary")
    rater = study.store.rater_by_name(name)
    assert rater is not None
    planned = study.store.trials(rater.id)
    chosen: dict[int, str] = {}
    while page.wait_for_selector("#trial[data-ready=yes], .code"):
        if not page.locator("#trial").count():
            break
        page.wait_for_timeout(130)
        position = int(page.get_attribute("#trial input[name=position]", "value"))
        assert position not in chosen, "an answer was lost"
        trial = planned[position]
        value = trial.expected or rng.choice(trial.options)
        button = page.locator(f".options button[value='{value}']")
        when = rng.choice(["before", "while", "no", "no"])
        if when == "before":
            server.kill()
        button.click()
        if when == "while":
            page.wait_for_timeout(rng.random() * 25)
            server.kill()
        if when != "no":
            page.wait_for_timeout(rng.random() * 300)
            if rng.random() < 0.3:
                server.start()
                page.reload()
            else:
                server.start()
        chosen[position] = value
        page.wait_for_function(
            f"() => document.querySelector('#trial input[name=position]')?.value !== '{position}'"
        )
    context.close()
    answers = study.store.answers(rater.id)
    assert {position: answer.value for position, answer in answers.items()} == chosen
    assert sorted(answers) == list(range(len(planned)))
    assert all(answer.changes == 0 for answer in answers.values())
    assert study.store.trials(rater.id) == planned
    study.store.close()
