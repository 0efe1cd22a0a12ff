"""A causal language model that answers questions in batches, restricted to the words of the answers."""

import inspect
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel

from sixgym.simulators.experiment_model.encode.answers import MEDIAN, Question
from sixgym.simulators.experiment_model.encode.explanations import THUS, state_blanks
from sixgym.simulators.experiment_model.encode.words import WRITTEN, Blank, blank
from sixgym.simulators.experiment_model.engine.language import AnswerLanguage, Branch

MOST_REASONS = 160
"""Most tokens of an explanation's reasons."""

MOST_ROWS = 128
"""Most questions in one batch. On a CPU, 960 questions took 1.5 s in one batch, 0.63 s in batches of 128."""

_SMALL = 50_000_000
"""Parameters below which a model is slower on several threads than on one (docs/log.md)."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question, and the quantile of every word of its answer: `MEDIAN`, or sampled from 0 to 1."""

    question: Question
    quantiles: tuple[float, ...]


@dataclass(slots=True)
class _Row:
    """A query that is being answered."""

    query: Query
    answer: dict[str, str] = field(default_factory=dict[str, str])
    branch: Branch | None = None
    """Position in a word of several tokens."""
    level: float = MEDIAN
    """Quantile of the next token of that word."""

    @property
    def blank(self) -> Blank:
        return self.query.question.blanks[len(self.answer)]

    @property
    def quantile(self) -> float:
        return self.query.quantiles[len(self.answer)]

    @property
    def done(self) -> bool:
        return len(self.answer) == len(self.query.question.blanks)


class Engine:
    """Answers questions in batches.

    An answer depends on the question and its quantiles alone, up to rounding: sums in other batches may round
    differently.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        """Take a causal language model of transformers and its tokenizer.

        Raises:
            ValueError: the tokenizer encodes two words of a figure alike.
        """
        self._model = model.eval()
        self._cache = _cache_argument(model)
        self.language = AnswerLanguage(tokenizer)
        self._device = next(model.parameters()).device
        self._words: dict[tuple[str, ...], torch.Tensor] = {}
        for figure in WRITTEN:
            self.language.single(blank(figure))
        self._lock = threading.Lock()
        self._small = self._device.type == "cpu" and model.num_parameters() < _SMALL

    def answer(self, queries: Sequence[Query]) -> list[dict[str, str]]:
        """A word for every blank of every question, in the order of the queries."""
        if not queries:
            return []
        with self._lock, torch.inference_mode(), _few_threads(self._small):
            rows = [_Row(one) for one in queries]
            prompts = [self.language.prompt(one.question.words) for one in queries]
            # prompts of similar length need little padding
            order = sorted(range(len(rows)), key=lambda index: len(prompts[index]))
            for first in range(0, len(order), MOST_ROWS):
                members = order[first : first + MOST_ROWS]
                self._fill([rows[index] for index in members], [prompts[index] for index in members])
            return [row.answer for row in rows]

    def explanation(self, words: Sequence[str]) -> tuple[str, dict[str, str]]:
        """The reasons for a step, and the state that follows from them. Nothing is sampled.

        Args:
            words: The question, from `explanations.explanation_words`.

        Returns:
            The text of the reasons, and a word for every figure of the state.
        """
        end = self.language.tokens(THUS)
        prompt = self.language.prompt(words)
        with self._lock, torch.inference_mode(), _few_threads(self._small):
            written = self._model.generate(
                torch.tensor([prompt], device=self._device),
                attention_mask=torch.ones(1, len(prompt), dtype=torch.long, device=self._device),
                max_new_tokens=MOST_REASONS,
                do_sample=False,
                eos_token_id=end[-1],
                pad_token_id=end[-1],
            )[0, len(prompt) :].tolist()
            reasons = written[:-1] if written[-1] == end[-1] else written
            # the state depends on the reasons, so its blanks come after them
            row = _Row(Query(Question("flow", "", (), state_blanks()), (MEDIAN,) * len(state_blanks())))
            self._fill([row], [[*prompt, *reasons, *end]])
        return self.language.text(reasons), row.answer

    # ------------------------------------------------------------------ inside
    def _fill(self, rows: list[_Row], prompts: list[list[int]]) -> None:
        ids, mask = self._padded(prompts)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        cache = DynamicCache(config=self._model.config)
        while True:
            out = self._model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                use_cache=True,
                logits_to_keep=1,
                **{self._cache: cache},
            )
            chosen = self._choose(rows, out.logits[:, -1].float())
            if any(row.done for row in rows):
                left = [index for index, row in enumerate(rows) if not row.done]
                if not left:
                    return
                keep = torch.tensor(left, device=self._device)
                cache.batch_select_indices(keep)
                mask, positions, chosen = mask[keep], positions[keep], chosen[keep]
                rows = [rows[index] for index in left]
            ids = chosen[:, None]
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], 1)
            positions = positions[:, -1:] + 1

    def _padded(self, prompts: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Prompts padded on the left, and their attention mask."""
        longest = max(map(len, prompts))
        ids = torch.zeros(len(prompts), longest, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, longest - len(prompt) :] = torch.tensor(prompt)
            mask[row, longest - len(prompt) :] = 1
        return ids.to(self._device), mask.to(self._device)

    def _choose(self, rows: Sequence[_Row], logits: torch.Tensor) -> torch.Tensor:
        """The next token of every row."""
        chosen = torch.zeros(len(rows), dtype=torch.long)
        whole: dict[tuple[str, ...], list[int]] = {}
        for index, row in enumerate(rows):
            blank = row.blank
            if self.language.single(blank) is None:
                chosen[index] = self._extend_word(row, logits[index])
            else:
                whole.setdefault(blank.words, []).append(index)
        for words, members in whole.items():
            tokens = self._tokens(rows[members[0]].blank)
            levels = torch.tensor([rows[index].quantile for index in members], device=self._device)
            cumulative = logits[members][:, tokens].softmax(1).cumsum(1)
            # rounding may leave the last sum slightly below 1
            places = (cumulative < levels[:, None] * cumulative[:, -1:]).sum(1).clamp(max=len(words) - 1)
            chosen[members] = tokens[places].cpu()
            for index, place in zip(members, map(int, places), strict=True):
                row = rows[index]
                row.answer[row.blank.name] = words[place]
        return chosen.to(self._device)

    def _tokens(self, blank: Blank) -> torch.Tensor:
        known = self._words.get(blank.words)
        if known is None:
            single = self.language.single(blank)
            assert single is not None  # the caller has looked
            known = self._words[blank.words] = torch.tensor(single, device=self._device)
        return known

    def _extend_word(self, row: _Row, logits: torch.Tensor) -> int:
        """The next token of a word of several tokens: the most probable one, or a sampled one."""
        branch = row.branch or self.language.branch(row.blank)
        if row.branch is None:
            row.level = row.quantile
        tokens = list(branch.children)
        odds = logits[tokens].softmax(0)
        if row.quantile == MEDIAN:
            place = int(odds.argmax())
        else:
            place = min(int((odds.cumsum(0) < row.level).sum()), len(tokens) - 1)
            # the rest of the quantile samples the rest of the word
            row.level = (row.level - float(odds[:place].sum())) / max(float(odds[place]), 1e-9)
        branch = branch.children[tokens[place]]
        row.branch = branch if branch.word is None else None
        if branch.word is not None:
            row.answer[row.blank.name] = branch.word
        return tokens[place]


def _cache_argument(model: Any) -> str:
    """Name of the model's argument for the key-value cache: transformers 5.24 renamed it."""
    whole = next(module for module in model.modules() if isinstance(module, PreTrainedModel))
    return "cache" if "cache" in inspect.signature(whole.forward).parameters else "past_key_values"


@contextmanager
def _few_threads(small: bool) -> Generator[None, None, None]:
    """One thread for a small model, whose steps are too short to be divided."""
    before = torch.get_num_threads()
    if not small or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
