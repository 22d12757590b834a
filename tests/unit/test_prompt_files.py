"""Prompt files of users: the same rules as for every table, and nothing is read differently from what was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import BadTask
from harness.tasks.promptsets import PromptRow, read_prompts


def written(folder: Path, content: str, encoding: str = "utf-8") -> Path:
    path = folder / "mine.csv"
    path.write_bytes(content.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("prompt_id,emotion,intensity,prompt,Style\n007,happy,3.5,A face,oil\n", "utf-8"),
        ("\ufeffPrompt ID;Emotion;Intensity;Prompt;Style\n007;happy;3,5;A face;oil\n", "utf-8"),
        ("id\temotion\tintensity\tprompt\tStyle\r\n007\tHappy\t3.5\t A face \toil\r\n", "utf-16"),
    ],
)
def test_tables_as_people_save_them(tmp_path: Path, content: str, encoding: str) -> None:
    found = read_prompts(written(tmp_path, content, encoding)).rows
    assert found == (PromptRow("007", "A face", "happy", 3.5, {"Style": "oil"}),)


def test_a_prompt_may_be_long_and_contain_separators_in_quotes(tmp_path: Path) -> None:
    prompt = "a face, smiling; " * 10_000
    [row] = read_prompts(written(tmp_path, f'prompt,emotion\n"{prompt}",happy\n')).rows
    assert (row.prompt, row.prompt_id) == (prompt.strip(), "line2")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("prompt,emotion\nA face, smiling,happy\n", "line 2: 3 cells where the header has 2"),
        ("prompt\nA face, smiling\n", "line 2: 2 cells where the header has 1"),
        ('prompt,emotion\n"A face,happy\nB,sad\n', "line 2: the quote at character 1 is never closed"),
        ("prompt,emotion,Emotion\na,happy,sad\n", "twice"),
        ("prompt,Image\na,b\n", "cannot have a factor named 'Image'"),
        ("promt,emotion\na,happy\n", "no column 'prompt' (did you mean 'promt'?)"),
        ("prompt,intensity\na,2_0\n", "line 2: the intensity '2_0' is not a number"),
        ("prompt,emotion\na,hapy\n", "did you mean 'happy'?"),
        ("prompt\n", "contains no prompts"),
        ("", "no column 'prompt'"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(BadTask) as raised:
        read_prompts(written(tmp_path, content))
    assert said in raised.value.message
    assert raised.value.hint


def test_letters_are_never_guessed(tmp_path: Path) -> None:
    with pytest.raises(BadTask, match="not UTF-8"):
        read_prompts(written(tmp_path, "prompt\nun visage étonné\n", "cp1252"))
