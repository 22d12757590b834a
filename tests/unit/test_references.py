"""Model references: folders, and a hub simulated by a local HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from harness.errors import HarnessError, MissingPackage
from harness.hub import memory_gib, references, resolve

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def model(folder: Path, *, weights: str = "model.safetensors", config: str = "config.json") -> Path:
    folder.mkdir(parents=True)
    (folder / config).write_text('{"model_type": "x"}')
    if weights:
        (folder / weights).write_bytes(b"weights")
    return folder


class TestFolders:
    def test_a_folder_is_identified_by_its_files(self, tmp_path: Path) -> None:
        one, two = model(tmp_path / "one"), model(tmp_path / "two")
        assert resolve(str(one)).identity() == resolve(str(two)).identity()
        (two / "model.safetensors").write_bytes(b"weightz")
        assert resolve(str(one)).identity() != resolve(str(two)).identity()

    def test_different_large_weights_have_different_digests(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(references, "_WHOLE", 1000)
        monkeypatch.setattr(references, "_BLOCK", 10)
        folder = model(tmp_path / "large")
        (folder / "model.safetensors").write_bytes(bytes(100_000))
        before = resolve(str(folder)).digest
        (folder / "model.safetensors").write_bytes(bytes(99_999) + b"x")
        assert resolve(str(folder)).digest != before

    def test_files_of_a_folder(self, tmp_path: Path) -> None:
        found = resolve(str(model(tmp_path / "m")))
        assert found.kind == "local"
        assert found.source == str(tmp_path / "m")
        assert found.read_json("config.json") == {"model_type": "x"}
        assert found.read_json("other.json") == {}

    @pytest.mark.parametrize(
        ("weights", "config", "message"),
        [
            ("", "config.json", "contains no weights"),
            ("pytorch_model.bin", "config.json", "can run code when loaded"),
            ("model.safetensors", "other.json", "has no config.json"),
        ],
    )
    def test_a_folder_without_a_model(self, tmp_path: Path, weights: str, config: str, message: str) -> None:
        folder = model(tmp_path / "m", weights=weights, config=config)
        with pytest.raises(HarnessError, match=message):
            resolve(str(folder))

    def test_a_missing_folder_suggests_a_similar_one(self, tmp_path: Path) -> None:
        model(tmp_path / "tiny-llava")
        with pytest.raises(HarnessError, match=r"Did you mean .*tiny-llava"):
            resolve(str(tmp_path / "tiny_llava"))

    def test_a_folder_has_no_revision(self, tmp_path: Path) -> None:
        with pytest.raises(HarnessError, match="has no revision"):
            resolve(str(model(tmp_path / "m")), "main")

    def test_an_invalid_config(self, tmp_path: Path) -> None:
        folder = model(tmp_path / "m")
        (folder / "config.json").write_text("{")
        with pytest.raises(HarnessError, match=r"config.json is not valid JSON"):
            resolve(str(folder)).read_json("config.json")


class Hub(BaseHTTPRequestHandler):
    """Answers the requests of the hub client about models."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        name = path.removeprefix("/api/models/")
        if name.startswith("org/gated"):
            self._answer(403, {"error": "gated"}, "GatedRepo")
        elif name.startswith("org/good/revision/lost"):
            self._answer(404, {"error": "no"}, "RevisionNotFound")
        elif name.startswith(("org/good", "org/pickled")):
            file = "model.safetensors" if "good" in name else "pytorch_model.bin"
            self._answer(
                200,
                {
                    "id": "org/good",
                    "sha": COMMIT,
                    "gated": False,
                    "siblings": [{"rfilename": "config.json"}, {"rfilename": file}],
                },
            )
        else:
            self._answer(404, {"error": "no"}, "RepoNotFound")

    def _answer(self, status: int, body: dict[str, Any], code: str = "") -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Suppress the log."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield address
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("hub")
class TestHub:
    def test_the_commit_is_resolved(self) -> None:
        found = resolve("org/good")
        assert (found.kind, found.path, found.source) == ("hub", None, "org/good")
        assert found.identity() == {"model": "org/good", "revision": COMMIT}

    def test_a_revision_can_be_given_in_two_ways(self) -> None:
        assert resolve("org/good@main").revision == resolve("org/good", "main").revision == COMMIT
        with pytest.raises(HarnessError, match="Two different revisions"):
            resolve("org/good@main", "other")

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("ref", "message"),
        [
            ("org/gated", "must accept the terms"),
            ("org/missing", "has no model 'org/missing'"),
            ("org/good@lost", "has no revision 'lost'"),
            ("org/pickled", "can run code when loaded"),
            ("word", "neither an existing folder nor a hub reference"),
        ],
    )
    def test_unavailable_models(self, ref: str, message: str) -> None:
        with pytest.raises(HarnessError, match=message):
            resolve(ref)


class TestWithoutNetwork:
    def test_a_model_that_is_not_cached(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        with pytest.raises(HarnessError, match="not in the local cache, and the hub cannot be reached"):
            resolve("org/good")

    def test_a_cached_model(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
        with pytest.raises(HarnessError, match="HF_HUB_OFFLINE is set"):
            resolve("org/good")
        kept = model(tmp_path / "models--org--good" / "snapshots" / COMMIT)
        (tmp_path / "models--org--good" / "refs").mkdir()
        (tmp_path / "models--org--good" / "refs" / "main").write_text(COMMIT)
        found = resolve("org/good")
        assert (found.path, found.revision) == (kept, COMMIT)


def test_a_missing_hub_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(MissingPackage, match="huggingface_hub"):
        resolve("org/good")


def test_memory_estimate() -> None:
    assert memory_gib(7.0, "bfloat16") == pytest.approx(13.04, abs=0.01)
    assert memory_gib(7.0, "float32") == pytest.approx(2 * memory_gib(7.0, "float16"))
