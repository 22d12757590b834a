"""Which endpoint is contacted, and through which proxy: neither key nor pictures of a local server go to a proxy."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from memobench_openai.hosts import is_private, parse_ip, resolves_to_private
from memobench_openai.images import OpenAIImages
from memobench_openai.judge import OpenAIJudge

from harness import (
    BadOption,
    ImageRequest,
    JudgeReply,
    JudgeRequest,
    Message,
    Part,
    Question,
    RequestError,
    Sampling,
)
from harness.testing import Listed, face_picture

KEY = "sk-proj-Vq7nTz3LxW9bR2mK8dYc"  # Not a real key.
REMOTE = "http://api.faces.example/v1"
"""A name that exists nowhere: only a proxy can answer for it."""


def ask(n: int = 2, **options: Any) -> list[JudgeReply]:
    messages = (Message("user", (Part(image=0), Part("Which?"))),)
    question = Question("choice", ("sad", "happy"), answer_mode="text", target="emotion")
    wanted = [
        JudgeRequest(f"{i:032x}", f"s{i}", (face_picture(i),), messages, question, Sampling())
        for i in range(n)
    ]
    judge = OpenAIJudge(OpenAIJudge.Options(**{"ref": "m"} | options))
    judge.open()
    try:
        return list(judge.stream(Listed(wanted)))
    finally:
        judge.close()


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.8.9.1", "127.1", "0x7f000001", "0.0.0.0", "::1", "::",
        "::ffff:127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.1", "192.168.1.5", "169.254.1.1", "100.100.1.1", "fd00::1",
        "fe80::1%eth0", "gpu-box", "vllm", "gpu.local", "host.docker.internal", "node.lan",
    ],
)  # fmt: skip
def test_hosts_of_this_machine_and_of_private_networks(host: str) -> None:
    assert is_private(host)


@pytest.mark.parametrize(
    "host",
    ["api.openai.com", "8.8.8.8", "172.32.0.1", "172.15.0.1", "11.0.0.1", "2001:4860:4860::8888", "10.example.com",
     "localhost.example.com", "127.0.0.1.example.com", "1e100.net"],
)  # fmt: skip
def test_public_hosts(host: str) -> None:
    assert not is_private(host)


def test_names_are_looked_up_only_where_a_proxy_would_be_used() -> None:
    assert parse_ip("api.openai.com") is None
    assert resolves_to_private("localhost")
    assert not resolves_to_private("no-such-host.faces.example")


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_local_server_is_reached_without_the_proxy(serve, monkeypatch, name: str) -> None:
    server, proxy = serve(), serve()
    monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
    monkeypatch.setenv("MY_KEY", KEY)
    replies = ask(base_url=server.url, api_key_env="MY_KEY")
    assert [r.error for r in replies] == [None] * 2
    assert proxy.log == []
    assert {received.authorization for received, _ in server.log} == {f"Bearer {KEY}"}


def test_the_proxy_is_used_for_a_local_server_if_asked_for(serve, monkeypatch) -> None:
    server, proxy = serve(), serve()
    monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
    ask(base_url=server.url, proxy="env")
    assert server.log == []
    assert {received.path for received, _ in proxy.log} == {f"{server.url}/chat/completions"}
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    ask(base_url=server.url, proxy="env")
    assert len(server.log) == 2


def test_other_servers_are_reached_through_the_proxy(serve, monkeypatch) -> None:
    proxy = serve()
    monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
    assert [r.error for r in ask(base_url=REMOTE)] == [None] * 2
    assert {received.path for received, _ in proxy.log} == {f"{REMOTE}/chat/completions"}
    began = time.monotonic()
    with pytest.raises(RequestError) as direct:
        ask(base_url=REMOTE, proxy="none")
    assert "no connection" in direct.value.message
    assert "proxy" not in direct.value.message
    assert len(proxy.log) == 2
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_fails_is_named_without_its_password(serve, monkeypatch, scheme: str) -> None:
    url = REMOTE.replace("http", scheme, 1)
    monkeypatch.setenv(f"{scheme}_proxy", "http://emma:open%2Fsesame@127.0.0.1:9")
    with pytest.raises(RequestError) as dead:
        ask(base_url=url)
    assert f"through the proxy http://127.0.0.1:9 (set by {scheme}_proxy)" in dead.value.message
    assert "-o proxy=none" in dead.value.hint
    refusing = serve(lambda received: "raw", raw=(407, "<html>who are you?</html>", {}))
    monkeypatch.setenv(f"{scheme}_proxy", refusing.url.removesuffix("/v1").replace("//", "//emma:sesame@"))
    with pytest.raises(RequestError) as refused:
        ask(base_url=url)
    assert "through the proxy http://127.0.0.1:" in refused.value.message
    assert "-o proxy=none" in refused.value.hint
    for shown in (str(dead.value), str(refused.value)):
        assert "sesame" not in shown
        assert "emma" not in shown


@pytest.mark.parametrize(
    "url",
    ["socks5://emma:sesame@127.0.0.1:9", "http://emma:sesame@127.0.0.1:99999", "gopher://emma:sesame@a"],
)
def test_a_proxy_that_cannot_be_used_is_an_error_for_remote_servers_only(
    serve, monkeypatch, url: str
) -> None:
    monkeypatch.setenv("all_proxy", url)
    assert [r.error for r in ask(base_url=serve().url)] == [None] * 2
    with pytest.raises(RequestError) as refused:
        ask(base_url=REMOTE)
    assert "all_proxy" in refused.value.message
    assert "-o proxy=none" in refused.value.hint
    assert "sesame" not in str(refused.value)


def test_images_of_a_local_server_are_made_and_downloaded_without_the_proxy(
    serve_images, serve, monkeypatch
) -> None:
    server, proxy = serve_images(sends="url"), serve()
    monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
    made = OpenAIImages(OpenAIImages.Options(ref="m", base_url=server.url))
    made.open()
    try:
        (reply,) = made.generate([ImageRequest("1", "a face")])
    finally:
        made.close()
    assert reply.outcome == "ok"
    assert proxy.log == []
    assert len(server.fetched) == 1


def test_the_environment_names_a_default_endpoint(serve, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server, other = serve(), serve()
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    judge = OpenAIJudge(OpenAIJudge.Options(ref="m"))
    assert judge.identity()["endpoint"] == server.url.removeprefix("http://")
    assert list(judge.contacts()) == [f"{server.url} (set by OPENAI_BASE_URL)"]
    ask()
    assert {received.authorization for received, _ in server.log} == {f"Bearer {KEY}"}
    ask(base_url=other.url)
    assert (len(server.log), len(other.log)) == (2, 2)
    images = OpenAIImages(OpenAIImages.Options(ref="m"))
    assert images.identity()["endpoint"] == server.url.removeprefix("http://")
    monkeypatch.setenv("OPENAI_BASE_URL", "  ")
    assert OpenAIJudge(OpenAIJudge.Options(ref="m")).identity()["endpoint"] == "api.openai.com/v1"


def test_user_and_password_in_the_default_endpoint_are_used_and_hidden(serve, monkeypatch) -> None:
    server = serve()
    monkeypatch.setenv("OPENAI_BASE_URL", server.url.replace("//", "//emma:sesame@"))
    ask()
    assert {received.authorization for received, _ in server.log} == {"Basic ZW1tYTpzZXNhbWU="}
    options = OpenAIJudge.Options(ref="m")
    assert "sesame" not in f"{options!r} {options.model_dump()} {list(OpenAIJudge(options).contacts())}"


def test_a_default_endpoint_that_is_no_url_is_refused_by_its_name(monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "localhost:8000")
    with pytest.raises(BadOption, match="OPENAI_BASE_URL"):
        OpenAIJudge.Options(ref="m")
    assert OpenAIJudge.Options(ref="m", base_url="http://127.0.0.1:1/v1").address.port == 1


def test_a_key_goes_to_the_endpoint_that_the_environment_names_with_it(monkeypatch) -> None:
    from memobench_openai.servers import SERVERS, endpoint_key

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "https://router.example/api/v1")
    assert endpoint_key(OpenAIJudge.Options(ref="m"), SERVERS["other"]) == KEY
    elsewhere = OpenAIJudge.Options(ref="m", base_url="https://else.example/v1")
    assert endpoint_key(elsewhere, SERVERS["other"]) == ""


@pytest.mark.e2e
def test_a_dry_run_shows_the_endpoint_and_contacts_nothing(serve, faces, harness) -> None:
    server = serve()
    command = ("run", "--task", "coarse_emotion", "--model", "openai:m", "--data", faces(6), "--dry-run")
    shown = harness(
        *command, env={"OPENAI_BASE_URL": server.url, "http_proxy": "http://emma:sesame@127.0.0.1:9"}
    )
    assert shown.code == 0, shown.err
    assert f"openai:m contacts: {server.url} (set by OPENAI_BASE_URL)" in shown.out.splitlines()
    remote = harness(
        *command,
        "-o",
        "base_url=http://emma:sesame@api.faces.example/v1?token=abcdef1234",
        env={"http_proxy": "http://emma:sesame@127.0.0.1:9"},
    )
    assert (
        f"openai:m contacts: {REMOTE}, through the proxy http://127.0.0.1:9 (set by http_proxy)" in remote.out
    )
    assert "sesame" not in remote.out
    assert "abcdef1234" not in remote.out
    assert server.log == []
    wrong = harness(*command, env={"OPENAI_BASE_URL": "nonsense"})
    assert (wrong.code, "OPENAI_BASE_URL" in wrong.err) == (2, True)


def run(harness: Any, url: str, data: Path, *more: str) -> Any:
    return harness(
        "run",
        "--task",
        "coarse_emotion",
        "--model",
        "openai:m",
        "--data",
        data,
        "-o",
        f"base_url={url}",
        "--out",
        "run",
        "--json",
        *more,
    )


@pytest.mark.e2e
def test_the_command_stops_early_and_says_what_helps(serve, faces, harness) -> None:
    body = {"error": {"message": "invalid temperature: only 1 is allowed for this model"}}
    server, began = serve(lambda received: "raw", raw=(400, json.dumps(body), {})), time.monotonic()
    done = run(harness, server.url, faces(24))
    assert done.code == 2, done.err
    assert "only 1 is allowed" in done.err
    assert "-> Omit it: -o omit=temperature" in done.err
    assert len(server.log) <= 4
    assert time.monotonic() - began < 20


@pytest.mark.e2e
def test_a_server_that_dies_in_mid_run_ends_it_with_the_answers_kept(
    serve, faces, harness, tmp_path: Path
) -> None:
    data, count = faces(40), 0

    def script(received: Any) -> str:
        nonlocal count
        count += 1
        if count == 10:
            server.script = lambda received: "reset"
            server.close_port()
        return "answer"

    server = serve(script)
    done = run(harness, server.url, data, "-o", "max_retries=1", "-o", "concurrency=2")
    assert done.code == 3, done.err
    assert "no connection" in done.err
    assert "kept" in done.err
    results = json.loads((tmp_path / "work" / "run" / "results.json").read_text())
    assert results["run"]["complete"] is False
    assert results["tasks"][0]["answered"] >= 9
