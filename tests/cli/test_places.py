"""Users without a home folder, shared folders, and variables that name missing files."""

from __future__ import annotations

import os
import pwd
import shutil
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from helpers import data, plugins
from helpers.command import InProcess, Shell
from helpers.plugins import Install
from memobench_portraits import __version__ as portraits_version

from harness.datasets.home import data_home
from harness.hub.certificates import certificate_problem
from harness.registry.registry import registry

RUN = ["run", "--task", "coarse_emotion", "--model", "echo", "--data"]
STRANGER = 54_321
"""A user id that no entry describes."""


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """HOME is not set, and the user has no entry, as in containers that run with an arbitrary user id."""

    def unknown(user: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {user}")

    with suppress(ImportError):
        import huggingface_hub.constants  # noqa: F401  (it reads HOME once, for all tests)
    for variable in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    registry.cache_clear()
    yield
    registry.cache_clear()


@pytest.mark.usefixtures("no_home")
def test_without_a_home_everything_else_works(harness: InProcess, faces: Path) -> None:
    assert "coarse_emotion" in harness("list", "tasks").ok().out
    assert "portraits" in harness("list", "data").ok().out
    assert harness(*RUN, "faces", "--json").ok().task["answered"] == 12


@pytest.mark.usefixtures("no_home")
def test_without_a_home_what_needs_one_names_the_variable(harness: InProcess, faces: Path) -> None:
    class_folder = Path("cf/happy")
    class_folder.mkdir(parents=True)
    data.picture(class_folder / "a.png")
    harness("data", "import", "class-folders", "cf", "--label", "intended").refuses(
        2, "HOME is not set", "Set XDG_DATA_HOME"
    )
    harness(*RUN, "portraits").refuses(2, "HOME is not set", "Set XDG_CACHE_HOME")
    for path in ("~/faces", "~nobody-of-this-name/faces"):
        harness(*RUN, path).refuses(2, path)
        harness("run", "--task", "t2i_emotion", "--model", f"folder:{path}", "--judge", "echo").refuses(
            2, path
        )
        harness(*RUN[:4], f"transformers:{path}", "--data", "faces").refuses(2, path)
        harness(*RUN, "faces", "-o", f"replies={path}").refuses(2, path)


@pytest.mark.usefixtures("no_home")
def test_the_hub_without_a_home(harness: InProcess, faces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", os.path.expanduser("~/.cache/huggingface/hub"))
    refused = harness(*RUN[:3], "--model", "transformers:org/name", "--data", "faces")
    refused.refuses(2, "HOME is not set", "Set HF_HOME")
    assert not Path("~").exists()


@pytest.mark.usefixtures("no_home")
def test_doctor_without_a_home(harness: InProcess) -> None:
    out = harness("doctor").ok().out
    assert "! cache" in out
    assert "set XDG_CACHE_HOME" in out
    assert "! imported data" in out
    assert "Set XDG_DATA_HOME" in out
    assert "+ disk" in out
    assert "+ memobench-plugin-echo" in out
    assert "2 to fix" in out


def test_doctor_in_a_folder_that_was_removed(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    script = f"cd {tmp_path}/gone && rmdir ../gone && exec {shutil.which('harness', path=str(Path(sys.executable).parent))} doctor"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "everything that is installed works" in done.stdout


def test_a_plugin_with_damaged_metadata_hides_no_other(
    harness: InProcess, install: Install, tmp_path: Path
) -> None:
    install("damaged", plugins.judge("mine", "def judge(self, batch):\n    return []"))
    (metadata,) = tmp_path.glob("site/damaged*/METADATA")
    metadata.write_bytes(b"\xff\xfe nothing")
    registry.cache_clear()
    out = harness("doctor").ok().out
    assert "+ memobench-plugin-echo" in out
    assert "mine" in harness("list", "models").ok().out


def test_a_hook_that_fails_hides_no_other(harness: InProcess, install: Install) -> None:
    source = plugins.judge("mine", "def judge(self, batch):\n    return []")
    install("partly", source + "\n\n@hookimpl\ndef harness_metrics():\n    raise OSError('no disk')\n")
    out = harness("doctor").ok().out
    assert "1 judge; DISABLED: harness_metrics raises OSError: no disk" in out
    assert "mine" in harness("list", "models").ok().out
    assert "partly disabled: harness_metrics" in harness("list", "plugins", "--json").ok().out


def imports(harness: InProcess, name: str) -> Path:
    folder = Path("cf")
    for number, emotion in enumerate(("happy", "sad")):
        data.picture(folder / emotion / f"{number}.png", number)
    harness(
        "data",
        "import",
        "class-folders",
        str(folder),
        "--label",
        "intended",
        "--copy",
        "--name",
        name,
        "--replace",
    ).ok()
    return data_home() / name


def modes(folder: Path) -> dict[str, set[int]]:
    """The permissions of all folders and of all files of a tree."""
    found: dict[str, set[int]] = {"folders": set(), "files": set()}
    for path in (folder, *folder.rglob("*")):
        found["folders" if path.is_dir() else "files"].add(stat.S_IMODE(path.stat().st_mode))
    return found


@pytest.fixture(params=[0o002, 0o022, 0o027, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_what_is_written_follows_the_umask(umask: int, harness: InProcess, faces: Path) -> None:
    expected = {"folders": {0o777 & ~umask}, "files": {0o666 & ~umask}}
    assert modes(imports(harness, "mine")) == expected
    assert modes(imports(harness, "mine")) == expected, "replaced"
    harness(*RUN, "faces", "--out", "run").ok()
    assert modes(Path("run")) == expected
    pytest.importorskip("pyarrow")
    harness("data", "export", "faces", "--out", "one.parquet").ok()
    assert stat.S_IMODE(Path("one.parquet").stat().st_mode) == 0o666 & ~umask
    harness("data", "export", "faces", "--out", "parts", "--split-size", "1kB").ok()
    assert modes(Path("parts")) == expected


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that every user reaches, with the folders for data and caches in it."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    yield folder
    shutil.rmtree(folder)


@contextmanager
def another_user() -> Iterator[None]:
    """In this process, because the interpreter itself may be in a folder that only root reaches."""
    os.setegid(STRANGER)
    os.seteuid(STRANGER)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_second_user_of_shared_folders(
    shared: Path, harness: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shared)
    mine = imports(harness, "mine")
    portraits = shared / "cache/memobench/portraits" / portraits_version
    (portraits / "images").mkdir(parents=True)
    (portraits / "manifest.csv").write_text("image,emotion\n")
    for arguments in ([*RUN, "mine"], ["data", "verify", "mine"]):
        harness(*arguments).ok()  # imports what the other user's interpreter may not reach
    with another_user():
        harness(*RUN, "mine", "--out", "second").ok()
    for folder in (mine, portraits):
        folder.chmod(0o700)
    denied, remedy = "cannot be read: Permission denied", "chmod -R a+rX"
    with another_user():
        harness(*RUN, "mine").refuses(2, denied, f"{remedy} {mine}")
        harness("data", "verify", "mine").refuses(2, denied, f"{remedy} {mine}")
        denied = "cannot be read or mended: Permission denied"
        harness(*RUN, "portraits").refuses(2, denied, f"{remedy} {portraits}", "XDG_CACHE_HOME")
        assert "coarse_emotion" in harness("list", "tasks").ok().out


def test_certificates_that_do_not_exist_are_named(
    harness: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    for variable in variables:
        with monkeypatch.context() as context:
            context.setenv(variable, "/nope/ca.pem")
            expected = f"{variable} names '/nope/ca.pem', which does not exist: correct it or unset it."
            assert certificate_problem() == expected
    assert not certificate_problem()
    for variable in variables:
        monkeypatch.setenv(variable, "/nope/ca.pem")
    out = harness("doctor").ok().out
    assert "! certificates" in out
    assert all(f"{variable} names '/nope/ca.pem', which does not exist" in out for variable in variables)


def test_certificates_that_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", f"/nope{os.pathsep}{tmp_path}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    monkeypatch.setenv("CURL_CA_BUNDLE", "")
    assert not certificate_problem()


def test_a_client_that_cannot_load_its_certificates(
    harness: InProcess, faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("memobench_openai")
    monkeypatch.setenv("SSL_CERT_FILE", "/nope/ca.pem")
    refused = harness(
        *RUN[:3], "--model", "openai:x", "-o", "base_url=https://127.0.0.1:9/v1", "--data", "faces"
    )
    refused.fails(2, "could not be started", "SSL_CERT_FILE names '/nope/ca.pem', which does not exist")


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[str]:
    """The address of an HTTPS server whose certificate nobody trusts."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("missing", [True, False])
def test_a_server_whose_certificate_is_not_trusted(
    missing: bool, tls_server: str, harness: InProcess, faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("memobench_openai")
    if missing:
        monkeypatch.setenv("SSL_CERT_DIR", "/nope/certs")
    options = ("-o", f"base_url={tls_server}", "-o", "max_retries=0")
    refused = harness(*RUN[:3], "--model", "openai:x", *options, "--data", "faces")
    refused.fails(
        2,
        "CERTIFICATE_VERIFY_FAILED",
        "SSL_CERT_DIR names '/nope/certs', which does not exist" if missing else "in SSL_CERT_FILE",
    )


def test_a_hub_that_cannot_be_reached(
    harness: InProcess, faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "ENDPOINT", "https://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("SSL_CERT_FILE", "/nope/ca.pem")
    refused = harness(*RUN[:3], "--model", "transformers:org/name", "--data", "faces")
    refused.fails(2, "the hub cannot be reached", "SSL_CERT_FILE names '/nope/ca.pem'")
