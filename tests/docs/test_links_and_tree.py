"""What the pages promise is there."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.repository import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "results").glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def folders_of_the_repository() -> set[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tops = {line.split("/")[0] for line in listed.splitlines() if "/" in line}
    return {name for name in tops if not name.startswith(".")}


def test_the_tree_in_the_readme_has_every_folder() -> None:
    text = (ROOT / "README.md").read_text()
    tree = text.split("## The tree")[1].split("```")[1]
    tops = re.findall(r"^(\w+)/ ", tree, flags=re.MULTILINE)
    inner = re.findall(r"^  (\w+)/ ", tree, flags=re.MULTILINE)
    assert set(tops) | {"src"} == folders_of_the_repository()
    assert set(inner) == {
        path.name
        for path in (ROOT / "src/sixgym").iterdir()
        if path.is_dir() and (path / "__init__.py").exists()
    }
