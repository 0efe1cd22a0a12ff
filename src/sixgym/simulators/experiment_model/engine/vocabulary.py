"""The tokenizer of a model that is trained from scratch: a token for each word, letters for other text."""

import string
from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from sixgym.simulators.experiment_model.encode.explanations import THUS
from sixgym.simulators.experiment_model.encode.words import HANDOVER, figure_words
from sixgym.simulators.experiment_model.engine.language import ANSWER

PAD, UNKNOWN, END = "<pad>", "<unknown>", "<end>"

WORDS = (
    ANSWER,
    *("flow", "tasks", "node", "slice", "cell"),
    *("URLLC", "eMBB", "mMTC", "uav", "ground", "steady", "bursts"),
    *("edge", "cloud", "onboard", "dark", "asked", "refused", "moved"),
    *("before", "earlier", "start", "was", "unknown", "changed"),
    *("account", "obeyed", "weaker", "stronger", "interferer", "quiet", THUS),
)
"""Words of questions that are not figures."""


def make_tokenizer(texts: Iterable[str] = (), *, frequent: int = 300) -> PreTrainedTokenizerFast:
    """A tokenizer for questions, answers and explanations.

    Args:
        texts: Explanations. Their most frequent words get a token each.
        frequent: Number of these words.
    """
    counts: dict[str, int] = {}
    for text in texts:
        for word in text.split():
            counts[word] = counts.get(word, 0) + 1
    common = sorted(counts, key=lambda word: (-counts[word], word))[:frequent]
    letters = string.ascii_letters + string.digits + string.punctuation
    tokens = [PAD, UNKNOWN, END, *WORDS, *HANDOVER, *figure_words(), *common]
    tokens += [*letters, *(f"##{letter}" for letter in letters)]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=64))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    return _whole(tokenizer)


def written(tokenizer: PreTrainedTokenizerFast) -> str:
    """The JSON text of a tokenizer from `make_tokenizer`."""
    return str(tokenizer.backend_tokenizer.to_str())


def read_tokenizer(text: str) -> PreTrainedTokenizerFast:
    """The tokenizer from the text that `written` returned."""
    return _whole(Tokenizer.from_str(text))


def _whole(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=UNKNOWN,
        pad_token=PAD,
        eos_token=END,
        clean_up_tokenization_spaces=False,
    )
