from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from harness import HarnessError, Question
from harness.mllm import WordTree, answer_words, candidate_tokens, leading_space, nan_error, prompt_tail

LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")
LLAVA = "USER: <image>\nHow strong is the emotion? Answer with one level: very weak, weak.\nASSISTANT:"
QWEN = "<|im_start|>user\n<image>How strong is the emotion?<|im_end|>\n<|im_start|>assistant\n"
MISTRAL = "<s>[INST] <image>\nHow strong is the emotion? [/INST]"
GEMMA = "<start_of_turn>model\n\n"
PROMPTS = (LLAVA, QWEN, MISTRAL, GEMMA, "Answer: ", "Answer:  ", "Answer:\t", "")


def plain(tokenizer: Tokenizer) -> Callable[[str], Sequence[int]]:
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def pieces(tokenizer: Tokenizer, tokens: Sequence[int]) -> list[str]:
    return [tokenizer.id_to_token(t) for t in tokens]


class TestBytes:
    def test_after_a_colon_the_space_is_part_of_the_word(self, byte_level: Tokenizer) -> None:
        found = candidate_tokens(plain(byte_level), LLAVA, LEVELS)
        assert [pieces(byte_level, t)[0] for t in found] == [
            "Ġvery",
            "Ġweak",
            "Ġmoderate",
            "Ġstrong",
            "Ġvery",
        ]
        assert pieces(byte_level, found[0]) == ["Ġvery", "Ġweak"]
        assert pieces(byte_level, found[4]) == ["Ġvery", "Ġstrong"]

    def test_after_a_line_break_there_is_no_space(self, byte_level: Tokenizer) -> None:
        found = candidate_tokens(plain(byte_level), QWEN, LEVELS)
        assert all(not pieces(byte_level, t)[0].startswith("Ġ") for t in found)
        assert pieces(byte_level, found[0])[-1] == "Ġweak"

    def test_tokens_do_not_depend_on_the_question(self, byte_level: Tokenizer) -> None:
        other = LLAVA.replace("How strong", "Which is it, how clear")
        encode = plain(byte_level)
        assert candidate_tokens(encode, LLAVA, LEVELS) == candidate_tokens(encode, other, LEVELS)

    def test_a_prompt_that_ends_in_a_space_is_not_retokenised(self, byte_level: Tokenizer) -> None:
        """Its last token is the space itself, so the word after it has no leading space."""
        found = candidate_tokens(plain(byte_level), "ASSISTANT: ", ("weak", "strong"))
        assert byte_level.decode(list(found[0]), skip_special_tokens=False) == "weak"
        assert byte_level.decode(list(found[1]), skip_special_tokens=False) == "strong"


class TestMetaspace:
    def test_after_a_colon(self, metaspace: Tokenizer) -> None:
        found = candidate_tokens(plain(metaspace), LLAVA, LEVELS)
        assert pieces(metaspace, found[1]) == ["▁weak"]
        assert pieces(metaspace, found[0]) == ["▁very", "▁weak"]

    def test_after_a_line_break_no_space_mark_precedes_the_word(self, metaspace: Tokenizer) -> None:
        """Encoded alone, the word would have the mark, which the tokenizer prepends to every text."""
        assert pieces(metaspace, plain(metaspace)("weak"))[0].startswith("▁")
        found = candidate_tokens(plain(metaspace), QWEN, LEVELS)
        assert not pieces(metaspace, found[1])[0].startswith("▁")
        assert "".join(pieces(metaspace, found[0])) == "very▁weak"

    def test_a_start_token_from_the_encoder_is_ignored(self, metaspace: Tokenizer) -> None:
        encode = plain(metaspace)
        assert metaspace.encode("weak").ids[0] == metaspace.token_to_id("<s>")
        for prompt in PROMPTS:
            with_start = candidate_tokens(lambda text: metaspace.encode(text).ids, prompt, LEVELS)
            assert with_start == candidate_tokens(encode, prompt, LEVELS)

    def test_a_prompt_that_ends_in_a_space(self, metaspace: Tokenizer) -> None:
        (found,) = candidate_tokens(plain(metaspace), "Answer: ", ("weak",))
        assert "".join(pieces(metaspace, found)) == "weak"


@pytest.mark.parametrize("name", ["byte_level", "metaspace"])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_prompt_and_candidate_decode_to_the_text(
    name: str, prompt: str, request: pytest.FixtureRequest
) -> None:
    """The tokens decode to the prompt, a space if it ends without one, and the option."""
    tokenizer: Tokenizer = request.getfixturevalue(name)
    encode = plain(tokenizer)
    options = (*LEVELS, "10", "worry", "peinlich berührt", "心配")
    shown = tokenizer.decode(list(encode(prompt)), skip_special_tokens=False)
    for option, tokens in zip(options, candidate_tokens(encode, prompt, options), strict=True):
        text = tokenizer.decode([*encode(prompt), *tokens], skip_special_tokens=False)
        assert text == shown + ("" if not prompt or prompt[-1].isspace() else " ") + option


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=12),
        unique=True,
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(PROMPTS),
)
def test_any_words_decode_to_the_text_or_are_refused(options: list[str], prompt: str) -> None:
    tokenizer = GPT
    if any(not option.strip() for option in options):
        with pytest.raises(HarnessError, match="no tokens"):
            candidate_tokens(plain(tokenizer), prompt, options)
        return
    found = candidate_tokens(plain(tokenizer), prompt, options)
    for option, tokens in zip(options, found, strict=True):
        spelled = tokenizer.decode([*plain(tokenizer)(prompt), *tokens], skip_special_tokens=False)
        assert spelled == prompt + leading_space(prompt) + option


def _bytes_only() -> Tokenizer:
    from tokenizers import decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = (
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        decoders.ByteLevel(),
    )
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(["Answer: weak", "a strong"] * 9, trainer)
    return tokenizer


GPT = _bytes_only()


class TestRefusals:
    def test_words_with_the_same_tokens(self, word_level: Tokenizer) -> None:
        with pytest.raises(HarnessError, match="'happy' and 'Happy' the same tokens") as caught:
            candidate_tokens(plain(word_level), "ASSISTANT:", ("happy", "Happy"))
        assert "--read" in caught.value.hint

    def test_two_unknown_words(self, word_level: Tokenizer) -> None:
        with pytest.raises(HarnessError, match="the same tokens"):
            candidate_tokens(plain(word_level), "ASSISTANT:", ("angry", "worry"))

    def test_an_unknown_word_if_the_unknown_id_is_given(self, word_level: Tokenizer) -> None:
        with pytest.raises(HarnessError, match="no tokens for the option 'angry'"):
            candidate_tokens(plain(word_level), "ASSISTANT:", ("happy", "angry"), unknown=0)

    @pytest.mark.parametrize("empty", ["", " ", "\n"])
    def test_blank_words(self, empty: str, byte_level: Tokenizer) -> None:
        with pytest.raises(HarnessError, match="no tokens for the option"):
            candidate_tokens(plain(byte_level), "ASSISTANT:", ("happy", empty))

    def test_an_encoder_that_appends_an_end_token(self, byte_level: Tokenizer) -> None:
        def ends(text: str) -> list[int]:
            return [*byte_level.encode(text, add_special_tokens=False).ids, 2]

        with pytest.raises(HarnessError, match="no tokens"):
            candidate_tokens(ends, "ASSISTANT:", ("happy",))


class TestTail:
    @pytest.mark.parametrize("prompt", [LLAVA, QWEN, MISTRAL, GEMMA])
    @pytest.mark.parametrize("name", ["byte_level", "metaspace"])
    def test_the_tail_determines_the_tokens(
        self, prompt: str, name: str, request: pytest.FixtureRequest
    ) -> None:
        encode = plain(request.getfixturevalue(name))
        whole, tail = (
            candidate_tokens(encode, prompt, LEVELS),
            candidate_tokens(encode, prompt_tail(prompt), LEVELS),
        )
        assert whole == tail
        base = list(encode(prompt))
        assert list(encode(prompt + leading_space(prompt) + "weak")) == [*base, *whole[1]]

    def test_the_tail_is_the_same_for_all_questions_of_one_template(self) -> None:
        assert prompt_tail(LLAVA) == "\nASSISTANT:"
        assert prompt_tail(QWEN) == "\n<|im_start|>assistant\n"
        assert prompt_tail("") == ""
        assert prompt_tail(" \n\n") == " \n\n"

    def test_the_tail_is_short(self) -> None:
        assert prompt_tail("a" * 5000) == "a" * 64


def test_answer_words_are_labels_or_options() -> None:
    options = ("happy", "sad")
    assert answer_words(Question("choice", options)) == options
    assert answer_words(Question("choice", options, labels=("A", "B"))) == ("A", "B")


def logs(**given: float) -> dict[int, float]:
    return {int(token.strip("t")): math.log(p) for token, p in given.items()}


class TestTree:
    def test_one_token_each(self) -> None:
        tree = WordTree([(5,), (3,), (9,)])
        assert tree.prefixes == ((),)
        assert tree.children(()) == (5, 3, 9)
        assert tree.children((5,)) == ()
        assert tree.scores({(): {3: -1.0, 5: -2.0, 9: -3.0, 7: -0.1}}) == (-2.0, -1.0, -3.0)

    def test_words_with_the_same_first_token(self) -> None:
        tree = WordTree([(1, 2), (2,), (3,), (4,), (1, 4)])
        assert tree.prefixes == ((), (1,))
        assert tree.children(()) == (1, 2, 3, 4)
        assert tree.children((1,)) == (2, 4)
        logprobs = {(): logs(t1=0.5, t2=0.1, t3=0.1, t4=0.2), (1,): logs(t2=0.25, t4=0.75)}
        scores = tree.scores(logprobs)
        assert [math.exp(s) for s in scores] == pytest.approx([0.125, 0.1, 0.1, 0.2, 0.375])

    def test_a_prefix_of_another_word_excludes_the_longer_word(self) -> None:
        """ "1" and "10": a model that always says 10 must not score 1 as highly."""
        tree = WordTree([(1,), (1, 0), (2,)])
        assert tree.prefixes == ((), (1,))
        scores = tree.scores({(): logs(t1=0.8, t2=0.2), (1,): logs(t0=0.75)})
        assert [math.exp(s) for s in scores] == pytest.approx([0.2, 0.6, 0.2])

    def test_a_word_that_always_continues_is_impossible(self) -> None:
        tree = WordTree([(1,), (1, 0)])
        assert tree.scores({(): {1: 0.0}, (1,): {0: 1e-7}}) == (-math.inf, 1e-7)

    def test_impossible_words(self) -> None:
        assert WordTree([(1,), (2,)]).scores({(): {1: -math.inf, 2: 0.0}}) == (-math.inf, 0.0)

    @pytest.mark.parametrize("words", [((1,),), ((1,), (1, 2))])
    def test_what_is_not_a_number_stays_so(self, words: tuple[tuple[int, ...], ...]) -> None:
        """Otherwise a broken engine would give answers that look valid."""
        nan = {(): {1: math.nan}, (1,): {2: math.nan}}
        scores = WordTree(words).scores(nan)
        assert all(math.isnan(score) for score in scores)
        error = nan_error("The engine", scores)
        assert error is not None
        assert (error.kind, error.retryable) == ("engine", False)
        assert "The engine computed NaN" in error.message
        assert nan_error("The engine", (math.inf, 0.0)) is not None
        assert nan_error("The engine", (-math.inf, -2.0)) is None

    def test_a_missing_log_probability(self) -> None:
        with pytest.raises(KeyError):
            WordTree([(1,), (2,)]).scores({(): {1: -1.0}})

    def test_sequence_indices(self) -> None:
        tree = WordTree([(1, 2), (1,)])
        assert (tree.number(()), tree.number((1,)), tree.number((1, 2)), tree.number((2,))) == (
            None,
            1,
            0,
            None,
        )

    @pytest.mark.parametrize("bad", [[()], [(1,), (1,)], [(1,), ()]])
    def test_invalid_candidates(self, bad: list[tuple[int, ...]]) -> None:
        with pytest.raises(ValueError, match="distinct and not empty"):
            WordTree(bad)

    @given(
        st.sets(st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple), min_size=1, max_size=12),
        st.integers(),
    )
    def test_scores_match_exhaustive_enumeration(self, words: set[tuple[int, ...]], seed: int) -> None:
        """Compared with a synthetic language of four tokens and an end token."""
        tree = WordTree(sorted(words))
        assert tree.prefixes[0] == ()
        assert len(set(tree.prefixes)) == len(tree.prefixes)
        rng = random.Random(seed)
        logprobs = {}
        for prefix in tree.prefixes:
            weights = [rng.random() + 0.01 for _ in range(5)]
            logprobs[prefix] = {t: math.log(w / sum(weights)) for t, w in enumerate(weights)}
        for word, score in zip(tree.sequences, tree.scores(logprobs), strict=True):
            reached = math.prod(math.exp(logprobs[word[:i]][t]) for i, t in enumerate(word))
            continued = (
                sum(math.exp(logprobs[word][t]) for t in tree.children(word)) if tree.children(word) else 0.0
            )
            assert math.exp(score) == pytest.approx(reached * (1.0 - continued), abs=1e-12)
