"""The documentation site: `make docs`. Pages are Markdown that GitHub shows as well."""

from sphinx.application import Sphinx

import sixgym

project = "sixgym"
author = "the sixgym authors"
version = release = sixgym.__version__
copyright = author

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]

# the source folder is the checkout, so that links between docs, results and README are the same on GitHub
root_doc = "docs/site"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/*.md",
    "docs/reference/*.md",
    "results/*.md",
]
myst_heading_anchors = 4
highlight_language = "none"

html_theme = "furo"
html_title = f"sixgym {release}"
html_extra_path = ["index.html"]
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
autodoc_default_options = {"members": True, "no-value": True}
napoleon_use_ivar = True
napoleon_attr_annotations = False
# several records have a field of the same name, and a type of another
suppress_warnings = ["ref.python"]
# what pydantic adds to every record is no part of the interface
_OF_PYDANTIC = ("model_config", "model_fields", "model_computed_fields", "model_post_init")


def _skip(app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:
    return True if name.rpartition(".")[2] in _OF_PYDANTIC else None


_AS_WRITTEN: dict[str, list[str]] = {}


def _remember(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    _AS_WRITTEN[name] = lines.copy()


def _restore(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Undo what Napoleon does to a constant: it takes the words before a colon for a type."""
    if what in {"attribute", "data"}:
        lines[:] = _AS_WRITTEN[name]


def setup(app: Sphinx) -> None:
    """Leave out what is no part of the interface, and keep the texts of constants as they are."""
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-docstring", _remember, priority=400)  # napoleon has 500
    app.connect("autodoc-process-docstring", _restore, priority=600)
