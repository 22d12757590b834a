"""A small study that is served, browsers without JavaScript that use it, and studies that people have rated at once."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from memobench_annotate import security
from memobench_annotate.allocation import plan_trials
from memobench_annotate.app import make_app
from memobench_annotate.building import build
from memobench_annotate.inviting import invite
from memobench_annotate.records import Answer, Rater, Trial
from memobench_annotate.study import Study
from starlette.applications import Starlette
from starlette.testclient import TestClient

from harness.people import SurveyQuestion
from harness.testing import face_picture

HOST = "127.0.0.1:8765"
ORIGIN = f"http://{HOST}"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
EMOTIONS = ("happy", "sad", "angry", "surprise", "worry", "neutral")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of 18 faces whose ids and file names stand nowhere else."""
    root = tmp_path_factory.mktemp("data")
    rows = ["id,image,emotion,intensity,subject"]
    (root / "faces").mkdir()
    for number in range(18):
        image = face_picture(number, 48).image
        assert image is not None
        image.save(root / "faces" / f"secretfile{number}.png")
        emotion = EMOTIONS[number % 6]
        rows.append(
            f"secretid{number}-{emotion},secretfile{number}.png,{emotion},{1 + number // 6},s{number % 3}"
        )
    (root / "faces" / "manifest.csv").write_text("\n".join(rows))
    build(root / "study", str(root / "faces"), ["coarse_emotion"], training=2)
    return root / "study"


class Place:
    """A study, served."""

    def __init__(self, folder: Path) -> None:
        self.study = Study.open(folder)
        self.app: Starlette = make_app(self.study, hosts=[HOST, "study.example.org"], lan=False)

    def device(self, *, server_errors: bool = True, **headers: str) -> Device:
        return Device(self, server_errors, headers)

    def link(self) -> str:
        ((_, token),) = list(invite(self.study, 1, [], []))
        return f"/r/{token}"

    def rater(self, name: str = "r001") -> Rater:
        found = self.study.store.rater_by_name(name)
        assert found is not None
        return found

    def kinds(self) -> list[str]:
        return [event.kind for event in self.study.store.events()]


class Device:
    """A browser without JavaScript."""

    def __init__(self, place: Place, server_errors: bool, headers: dict[str, str]) -> None:
        self.place = place
        self.http = TestClient(
            place.app,
            base_url=ORIGIN,
            headers={"origin": ORIGIN, "accept-language": "en", **headers},
            raise_server_exceptions=server_errors,
        )
        self.page = ""
        self.seen: list[str] = []

    def get(self, path: str, status: int = 200, **headers: str) -> str:
        return self._read(self.http.get(path, headers=headers), status)

    def post(self, path: str, status: int = 200, **fields: str) -> str:
        return self._read(self.http.post(path, data=fields), status)

    def send(self, path: str, status: int = 200, **fields: str) -> str:
        """Send a form of the page that is shown."""
        return self.post(path, status, form_key=self.key, **fields)

    def _read(self, response: Any, status: int) -> str:
        assert response.status_code == status, response.text
        self.page = response.text
        self.seen += [self.page, str(response.headers), *(str(r.headers) for r in response.history)]
        return self.page

    @property
    def key(self) -> str:
        return self.field("form_key")

    def field(self, name: str) -> str:
        found = re.search(f'name="{name}" value="([^"]*)"', self.page)
        assert found, self.page
        return html.unescape(found[1])

    @property
    def position(self) -> str:
        return self.field("position")

    @property
    def options(self) -> list[str]:
        return [html.unescape(v) for v in re.findall(r'<button name="value" value="([^"!]+)"', self.page)]

    @property
    def pictures(self) -> list[str]:
        return re.findall(r'src="(/picture/[0-9a-f]+)"', self.page)

    def enter(self, link: str = "") -> Device:
        self.get(link or self.place.link())
        self.post("/enter", token=self.field("token"))
        return self

    def begin(self, link: str = "") -> Device:
        """As far as the first trial."""
        self.enter(link)
        self.send("/consent")
        self.send("/check", screen="800,600,2,1600,1200,24", dark="7", light="6", plate1="3")
        return self

    def rate(self, most: int = 1000) -> Device:
        """Answer with what is asked for, or the first option, until something else than a trial or feedback comes."""
        for _ in range(most):
            if 'id="trial"' in self.page:
                asked = re.search(r"please choose “(\w+)”", self.page)
                self.send(
                    "/answer", position=self.position, value=asked[1] if asked else self.options[0], ms="900"
                )
            elif 'id="go_on"' in self.page and "expected answer" in self.page:
                self.send("/go_on", position=self.position)
            else:
                break
        return self


@pytest.fixture
def make_place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A function that serves a copy of the study, with settings changed. Tests may ask as fast as they can."""
    monkeypatch.setattr(security, "PER_PERSON", (1000, 1000))
    monkeypatch.setattr(security, "PER_ADDRESS", (1000, 1000))
    places: list[Place] = []

    def make(*changes: tuple[str, str]) -> Place:
        folder = tmp_path / f"study{len(places)}"
        shutil.copytree(made, folder)
        text = (folder / "study.toml").read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        (folder / "study.toml").write_text(text, encoding="utf-8")
        places.append(Place(folder))
        return places[-1]

    yield make
    for place in places:
        place.study.store.close()


@pytest.fixture
def place(make_place: Any) -> Place:
    found: Place = make_place()
    return found


@pytest.fixture
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that a test runs see nothing of the user's."""
    home = tmp_path_factory.mktemp("home")
    for variable in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(home / variable.lower()))


@pytest.fixture
def make_study(tmp_path: Path) -> Iterator[Callable[..., Study]]:
    """Makes and opens a study of drawn faces, with all emotions, and intensities from 1 to 3.

    `toml` is added to study.toml; the other arguments are those of `build`.
    """
    opened: list[Study] = []

    def make(
        tasks: Sequence[str] = ("coarse_emotion", "fine_intensity"),
        faces: int = 24,
        toml: str = "",
        **settings: int,
    ) -> Study:
        data = tmp_path / "faces"
        data.mkdir()
        rows = ["id,image,emotion,intensity"]
        for number in range(faces):
            image = face_picture(number, 48).image
            assert image is not None
            image.save(data / f"{number}.png")
            rows.append(f"f{number},{number}.png,{EMOTIONS[number % 6]},{1 + number // 6 % 3}")
        (data / "manifest.csv").write_text("\n".join(rows))
        folder = tmp_path / "study"
        build(folder, str(data), tasks, **{"training": 0, **settings})
        config = folder / "study.toml"
        config.write_text(config.read_text() + toml)
        opened.append(Study.open(folder))
        return opened[-1]

    yield make
    for study in opened:
        study.store.close()


@pytest.fixture
def rate() -> Callable[..., list[Rater]]:
    """Lets people, by name, go through a study, one answer every `ms`: all of it is stored at once."""

    def rate(
        study: Study,
        people: Mapping[str, Callable[[Trial, SurveyQuestion], str]],
        ms: int = 1500,
        began: float = 1_700_000_000.0,
    ) -> list[Rater]:
        assigned: Counter[str] = Counter()
        raters, trials, answers = [], [], []
        for seed, (name, person) in enumerate(people.items()):
            rater = study.store.add_rater(name, f"hash of {name}", seed)
            planned = plan_trials(rater.id, seed, study.questions, study.training, study.config, assigned)
            assigned.update(t.question for t in planned if t.part in ("main", "gold"))
            raters.append(rater)
            for t in planned:
                value = person(t, study.questions[t.question])
                trials.append((t.rater, t.position, t.part, t.question, json.dumps(t.options), t.expected))
                answers.append((t.rater, t.position, value, ms, began + t.position * ms / 1000, 1, 0))
        db = study.store._db
        db.execute("begin")
        db.executemany("insert into trial values (?, ?, ?, ?, ?, ?)", trials)
        db.executemany("insert into answer values (?, ?, ?, ?, ?, ?, ?)", answers)
        db.execute("commit")
        return raters

    return rate


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser. Without one tests are skipped, and in continuous integration they fail."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        missing = f"no browser ({', '.join(BROWSERS)}): apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


class Served:
    """A study that a real server answers for."""

    def __init__(self, folder: Path) -> None:
        self.study = Study.open(folder)
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.base = f"http://{host}"
        app = make_app(self.study, hosts=[host], lan=False)
        self.server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        )
        self._thread = threading.Thread(
            target=self.server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()
        while not self.server.started:
            time.sleep(0.02)

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(10)
        self._socket.close()
        self.study.store.close()

    def answers(self, name: str) -> list[Answer]:
        rater = self.study.store.rater_by_name(name)
        assert rater is not None
        return list(self.study.store.answers(rater.id).values())


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[Path], Served]]:
    """A function that serves the study in a folder until the tests of a module are over."""
    served: list[Served] = []

    def start(folder: Path) -> Served:
        served.append(Served(folder))
        return served[-1]

    yield start
    for one in served:
        one.stop()
