"""What the pages promise is there."""

import re
from pathlib import Path

import pytest

from tests.repository import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_top_level_folder_in_the_readme_exists() -> None:
    text = (ROOT / "README.md").read_text()
    tree = text.split("## The tree")[1].split("```")[1]
    tops = re.findall(r"^(\w+)/ ", tree, flags=re.MULTILINE)
    inner = re.findall(r"^  (\w+)/ ", tree, flags=re.MULTILINE)
    assert tops == [name for name in tops if (ROOT / name).is_dir()]
    assert set(inner) == {
        path.name
        for path in (ROOT / "src/sixgym").iterdir()
        if path.is_dir() and (path / "__init__.py").exists()
    }
