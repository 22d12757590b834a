from __future__ import annotations

import pickle

import pytest
from memobench_openai.address import Address
from memobench_openai.judge import OpenAIJudge
from memobench_openai.keys import find_key

from harness import BadOption, RequestError
from harness.remote import Secrets, check_key_name

OPENAI = "https://api.openai.com/v1"
LOCAL = "http://127.0.0.1:8000/v1"


def test_an_address_shows_no_user_password_or_query() -> None:
    address = Address("https://emma:p%40ss@Host.example:8443/openai/v1/?api-version=3&sig=abc")
    assert str(address) == f"{address}" == "https://host.example:8443/openai/v1"
    assert "ss" not in repr(address).replace("https", "")
    assert (address.user, address.password, address.name) == ("emma", "p@ss", "host.example:8443/openai/v1")
    assert address.full == "https://host.example:8443/openai/v1?api-version=3&sig=abc"
    assert {"emma", "p@ss", "abc"} <= set(address.secrets)
    again = pickle.loads(pickle.dumps(address))  # noqa: S301 - our own
    assert (again, again.password, again.full) == (address, address.password, address.full)


@pytest.mark.parametrize(
    ("text", "shown", "root"),
    [
        ("http://localhost:8000/v1/", "http://localhost:8000/v1", "http://localhost:8000"),
        ("http://localhost:8000/v1/chat/completions", "http://localhost:8000/v1", "http://localhost:8000"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1", "http://[::1]:8000"),
        (" https://api.openai.com/v1 ", OPENAI, "https://api.openai.com"),
    ],
)
def test_addresses_are_normalized(text: str, shown: str, root: str) -> None:
    assert Address(text) == shown
    assert Address(text).root == root


@pytest.mark.parametrize(
    "text", ["localhost:8000", "ftp://a/b", "http://", "http://emma:hunter2@:x/v1", "http://[", ""]
)
def test_an_invalid_address_is_rejected_without_repeating_it(text: str) -> None:
    with pytest.raises(BadOption) as refused:
        Address(text)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "MY_KEY", "gemini_key", "KEY2", "AZURE_OPENAI_API_KEY_2024_EU", ""]
)
def test_variable_names_are_accepted(name: str) -> None:
    assert check_key_name(name) == name


@pytest.mark.parametrize(
    "value",
    [
        "sk-proj-abc",
        "sk-abc",
        "hf_abcdEFGH1234",
        "AIzaSyA1b2C3",
        "gsk_Ab12",
        "a b",
        "8f14e45fceea167a5a36dedd4bea2543",
        "ABCDEF0123456789ABCDEF",
        "xY7aQ2mN9pL4kR8sT1vW",
    ],
)
def test_keys_are_rejected_as_variable_names(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadOption) as refused:
        check_key_name(value)
    assert value not in str(refused.value)
    if value.isidentifier():
        monkeypatch.setenv(value, "secret")
        assert check_key_name(value) == value


def test_the_default_key_is_sent_only_to_openai_and_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " sk-one ")
    for url in (OPENAI, LOCAL, "http://localhost:1/v1", "https://me.openai.azure.com/openai/v1"):
        assert find_key(Address(url), "OPENAI_API_KEY", named=False, needed=False) == "sk-one"
    other = Address("https://api.openai.com.evil.example/v1")
    assert find_key(other, "OPENAI_API_KEY", named=False, needed=False) == ""
    assert find_key(other, "OPENAI_API_KEY", named=True, needed=False) == "sk-one"
    with pytest.raises(RequestError, match="needs a key"):
        find_key(other, "OPENAI_API_KEY", named=False, needed=True)


def test_a_missing_or_malformed_key_is_an_error_before_any_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(RequestError, match="OPENAI_API_KEY"):
        OpenAIJudge(OpenAIJudge.Options(ref="gpt-4o"))
    assert OpenAIJudge(OpenAIJudge.Options(ref="gpt-4o", base_url=LOCAL)).identity()["model"] == "gpt-4o"
    monkeypatch.setenv("MY_KEY", "sk-one\nsk-two")
    with pytest.raises(RequestError) as broken:
        OpenAIJudge(OpenAIJudge.Options(ref="gpt-4o", api_key_env="MY_KEY"))
    assert "sk-one" not in str(broken.value)


def test_options_never_show_a_password() -> None:
    options = OpenAIJudge.Options(ref="m", base_url="http://emma:hunter2@127.0.0.1:8000/v1")
    shown = f"{options} {options!r} {options.model_dump()} {options.model_dump_json()} {options.answer_affecting()}"
    assert "hunter2" not in shown
    assert "emma" not in shown
    assert options.address.password == "hunter2"
    assert OpenAIJudge(options).identity() == {"endpoint": "127.0.0.1:8000/v1", "model": "m"}


@pytest.mark.parametrize(
    "extra",
    [
        {"api_key": "x"},
        {"headers": {"Authorization": "x"}},
        {"a": [{"b": "sk-abcdef"}]},
        {"Access-Token": "x"},
    ],
)
def test_keys_in_extra_body_are_rejected(extra: dict) -> None:
    with pytest.raises(BadOption, match="looks like a key"):
        OpenAIJudge.Options(ref="m", base_url=LOCAL, extra_body=extra)


def test_secrets_are_hidden_in_all_encodings() -> None:
    secrets = Secrets(["open/sesame+47", "", "me"])
    for form in ("open/sesame+47", "open%2Fsesame%2B47", "b3Blbi9zZXNhbWUrNDc="):
        assert secrets.hide(f"<{form}>") == "<[hidden]>"
        assert secrets.hide_in({"a": [form, {form: 1}]}) == {"a": ["[hidden]", {"[hidden]": 1}]}
    assert secrets.hide("some time") == "some time"
    assert "sesame" not in repr(secrets)


def test_texts_that_look_like_keys_are_hidden_in_messages() -> None:
    hidden = Secrets([]).hide(
        "Incorrect API key provided: sk-proj-abcd****wxyz; Authorization: Bearer abc.def"
    )
    assert hidden == "Incorrect API key provided: [hidden]; Authorization: [hidden]"


def test_a_key_that_is_an_ordinary_word_is_not_hidden_in_answers() -> None:
    secrets = Secrets(["EMPTY"])
    assert secrets.hide_in("The look is EMPTY.") == "The look is EMPTY."
    assert secrets.hide("bad key EMPTY") == "bad key [hidden]"
