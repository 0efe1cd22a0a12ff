"""Blocks of code in the pages, and what a comment above a block says about its test.

`<!-- snippet: KIND, reason -->` above a block chooses one of `KINDS`. A block without one runs.
"""

import re
import shlex
from dataclasses import dataclass

from tests.repository import ROOT

PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")),
)

KINDS = {
    "run": "the block runs in the folder of its page, after the blocks above it",
    "parse-only": "options and imports are checked; the run would need a server, a library, minutes or files",
    "output": "test_the_readme.py runs the commands and compares the output that is shown",
}

_BLOCK = re.compile(
    r"(?:^<!-- snippet: (?P<kind>[a-z-]+)(?P<reason>[^>]*) -->\n+)?"
    r"^```(?P<language>[\w{}-]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_PROGRAMS = ("sixgym", "make", "pip", "python")


@dataclass(frozen=True)
class Snippet:
    """A block of code of a page.

    Attributes:
        page: Path of the page from the root of the checkout.
        line: Line of the block's first line of code.
        kind: One of `KINDS`.
        language: What follows the three backticks; empty for a shell.
        text: The code.
    """

    page: str
    line: int
    kind: str
    language: str
    text: str

    @property
    def name(self) -> str:
        """Place of the block."""
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[list[str]]:
        """The commands of a shell block as words, up to a comment, a redirection or a pipe."""
        if self.language not in {"", "sh"}:
            return []
        lines = self.text.splitlines()
        if any(line.startswith("$ ") for line in lines):
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        return [_words(line) for line in lines if line.split(" ")[0] in _PROGRAMS]


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>;&")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if word[0] in "|<>;&":
            return words[:-1] if words[-1] == "2" else words
        words.append(word)
    return words


def snippets(page: str) -> list[Snippet]:
    """The blocks of a page, in order.

    Raises:
        ValueError: a comment names a kind that does not exist.
    """
    text = (ROOT / page).read_text()
    found: list[Snippet] = []
    for block in _BLOCK.finditer(text):
        line = text[: block.start("text")].count("\n") + 1
        kind = block["kind"] or "run"
        if kind not in KINDS:
            raise ValueError(f"{page}:{line}: there is no kind of snippet {kind!r}, only {', '.join(KINDS)}")
        if kind != "run" and not block["reason"].strip(" ,"):
            raise ValueError(f"{page}:{line}: give the reason why the snippet does not run")
        found.append(Snippet(page, line, kind, block["language"], block["text"]))
    return found
