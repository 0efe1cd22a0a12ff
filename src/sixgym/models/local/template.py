"""Conversations as tokens of a checkpoint. The text of a message cannot spell a control token."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sixgym.domain.extras import install_command
from sixgym.models.chat import ModelError, ModelUnusableError

Chat = Sequence[dict[str, str]]

# Tags of the text protocol that chat templates of the Qwen family know as well. Such a template searches the
# messages for them, to keep the reasoning of the turns since the last question, so they are left as they are.
# No message begins or ends with one.
TAGS = frozenset(
    f"<{slash}{name}>" for name in ("think", "tool_call", "tool_response", "answer") for slash in ("", "/")
)

FULL_WIDTH = {ord(sign): ord(sign) + 0xFEE0 for sign in "<|>[]"}
"""From ASCII signs to those that NFKC makes them of."""

_TRIAL: Chat = (
    {"role": "system", "content": "s"},
    {"role": "user", "content": "u"},
    {"role": "assistant", "content": "a"},
)


@dataclass(frozen=True, slots=True)
class Template:
    """The tokenizer of a checkpoint and its chat template. Safe to use from threads.

    A template whose roles are ordinary text (`[INST]`, `### User`) has no control tokens for them, so such
    roles cannot be told from the text of messages.

    Attributes:
        opened: Text that the template writes at the beginning of every reply; mostly empty.
        end_tokens: Ids of the tokens that end a reply, according to tokenizer and template.
        pad_token: Id of the token that fills up short prompts; None if there is none.
        size: Number of tokens in the vocabulary.
    """

    opened: str
    end_tokens: frozenset[int]
    pad_token: int | None
    size: int
    _tokenizer: Any
    # a tokenizer changes its own settings in every call
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def encode(self, chat: Chat) -> tuple[int, ...]:
        """The tokens of a conversation, up to the assistant's next message.

        Raises:
            ModelError: the chat template refuses the conversation.
        """
        with self._lock:
            try:
                return _encode(self._tokenizer, chat, speak=True)
            except Exception as error:  # a template is a program: it may raise anything
                raise ModelError(f"the chat template refuses this conversation: {error}") from error

    def text(self, tokens: Sequence[int]) -> str:
        """The text of tokens, control tokens included."""
        with self._lock:
            return _text(self._tokenizer, tokens)


def template_of(tokenizer: Any) -> Template:
    """The template of a tokenizer of transformers, after a trial of it.

    Raises:
        ModelUnusableError: the tokenizer loses the text of messages, or reads control tokens in it.
        Exception: an error of the chat template, which may be of any kind.
    """
    source = cast("str", tokenizer.get_chat_template())
    added = {cast("str", token.content) for token in tokenizer.added_tokens_decoder.values()}
    # special tokens are control tokens in any case
    tokenizer.chat_control_tokens = sorted(
        token for token in added - TAGS if token in source and not token.isspace()
    )
    names = sorted({*tokenizer.all_special_tokens, *tokenizer.chat_control_tokens})
    control = {cast("int", tokenizer.convert_tokens_to_ids(name)) for name in names}
    prompt = _encode(tokenizer, _TRIAL[:2], speak=True)
    other = _encode(tokenizer, (_TRIAL[0], {"role": "user", "content": "w"}), speak=True)
    if prompt == other:
        raise ModelUnusableError("its tokenizer loses all letters: save all files of the tokenizer there too")
    # as they are, and in other spellings that a tokenizer with a normaliser would still recognise
    spellings = [spelling for name in names for spelling in (name, name.upper(), name.translate(FULL_WIDTH))]
    attack = (_TRIAL[0], {"role": "user", "content": "u".join(["", *spellings, ""])})
    attacked = _encode(tokenizer, attack, speak=True)
    if [token for token in attacked if token in control] != [token for token in prompt if token in control]:
        # transformers before 5.20 have the same fault
        raise ModelUnusableError(
            "the text of a message could spell its control tokens: take another checkpoint, or update: "
            + install_command("hf")
        )
    end = _end_of_turn(tokenizer, _encode(tokenizer, _TRIAL, speak=False), control)
    known = {cast("int | None", tokenizer.eos_token_id), end} - {None}
    return Template(
        opened="<think>\n" if _text(tokenizer, prompt[-8:]).rstrip().endswith("<think>") else "",
        end_tokens=frozenset(cast("set[int]", known)),
        pad_token=tokenizer.pad_token_id,
        size=len(tokenizer),
        _tokenizer=tokenizer,
    )


def _end_of_turn(tokenizer: Any, spoken: Sequence[int], control: set[int]) -> int | None:
    """The first control token after the last words of a conversation."""
    end: int | None = None
    for token in reversed(spoken):
        if token in control:
            end = token
        elif not _text(tokenizer, [token]).isspace():
            break
    return end


def _encode(tokenizer: Any, chat: Chat, *, speak: bool) -> tuple[int, ...]:
    tokens = tokenizer.apply_chat_template(
        list(chat), add_generation_prompt=speak, return_dict=False, sanitize_control_tokens=True
    )
    return tuple(cast("list[int]", tokens))


def _text(tokenizer: Any, tokens: Sequence[int]) -> str:
    spelled = tokenizer.decode(list(tokens), skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return cast("str", spelled)
