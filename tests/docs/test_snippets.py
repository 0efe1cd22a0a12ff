"""Every Python and shell block of README, CONTRIBUTING and docs does what the page says."""

import ast
import importlib.util
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sixgym.cli.app import app
from tests.docs.snippets import PAGES, Snippet, snippets
from tests.repository import ROOT

ALL = [snippet for page in PAGES for snippet in snippets(page)]
PYTHON = [snippet for snippet in ALL if snippet.language == "python"]
SHELL = [snippet for snippet in ALL if snippet.commands]

EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def named(found: list[Snippet]) -> list[object]:
    return [pytest.param(snippet, id=snippet.name) for snippet in found]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {page: tmp_path_factory.mktemp(Path(page).stem) for page in PAGES}


@pytest.fixture
def folder_of(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Path]]:
    """One folder for each page: a block may read what a block above it has written."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    before = Path.cwd()
    yield folders
    os.chdir(before)


def sixgym_output(words: list[str]) -> tuple[int, str]:
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.output


# ------------------------------------------------------------------ in the order of the pages
@pytest.mark.parametrize("snippet", named([snippet for snippet in ALL if snippet in [*PYTHON, *SHELL]]))
def test_a_block_works(snippet: Snippet, folder_of: dict[str, Path]) -> None:
    os.chdir(folder_of[snippet.page])
    if snippet.language == "python":
        check_python(snippet)
    for command in snippet.commands:
        program, *words = command
        {"sixgym": check_sixgym, "make": check_make, "pip": check_pip, "python": check_script}[program](
            words, snippet
        )


def check_python(snippet: Snippet) -> None:
    padded = "\n" * (snippet.line - 1) + snippet.text
    if snippet.kind == "run":
        exec(compile(padded, snippet.page, "exec"), {"__name__": "__main__"})
        return
    for node in ast.walk(ast.parse(padded, snippet.page)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("sixgym"):
            missing = {alias.name for alias in node.names} - names_in(str(node.module))
            assert not missing, f"{snippet.page}:{node.lineno}: {node.module} has no {', '.join(missing)}"


def names_in(module: str) -> set[str]:
    """What a module defines at its top, without importing it: its library may be another environment's."""
    found = importlib.util.find_spec(module)
    assert found is not None, module
    names: set[str] = set()
    for node in ast.parse(Path(str(found.origin)).read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            names |= {target.id for target in ast.walk(node) if isinstance(target, ast.Name)}
    return names


def check_sixgym(words: list[str], snippet: Snippet) -> None:
    """Run the command; or read its options and show its help, which an unknown option prevents."""
    status, output = sixgym_output(words if snippet.kind == "run" else [*words, "--help"])
    assert status == 0, f"{snippet.name}: sixgym {' '.join(words)}: {output[-2_000:]}"


def check_make(words: list[str], snippet: Snippet) -> None:
    assert words[0] in TARGETS, f"{snippet.name}: there is no make {words[0]}"


def check_pip(words: list[str], snippet: Snippet) -> None:
    """The extras that a page tells to install exist."""
    for extra in ",".join(re.findall(r"\[([\w,]+)\]", " ".join(words))).split(","):
        assert extra in EXTRAS | {""}, f"{snippet.name}: there is no extra {extra}"


def check_script(words: list[str], snippet: Snippet) -> None:
    assert (ROOT / words[0]).is_file(), f"{snippet.name}: there is no file {words[0]}"


# ------------------------------------------------------------------ the check itself
def test_an_unknown_option_is_found_in_a_block_that_does_not_run() -> None:
    snippet = Snippet("page", 1, "parse-only", "", "sixgym bench --agent react --modle NAME\n")
    with pytest.raises(AssertionError, match="--modle"):
        check_sixgym(snippet.commands[0][1:], snippet)


def test_an_unknown_import_is_found_in_a_block_that_does_not_run() -> None:
    snippet = Snippet("page", 1, "parse-only", "python", "from sixgym.serve.openenv import NetworkKlient\n")
    with pytest.raises(AssertionError, match="has no NetworkKlient"):
        check_python(snippet)


def test_every_comment_about_a_snippet_stands_above_a_block() -> None:
    for page in PAGES:
        comments = re.findall(r"^<!-- snippet:", (ROOT / page).read_text(), re.MULTILINE)
        assert len(comments) == sum(snippet.kind != "run" for snippet in snippets(page)), page
