"""How Sphinx builds the site: Markdown, notebooks as they are stored, reference by code."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
sys.path.insert(0, str(Path(__file__).parent))

from coatcore import __version__

project = "coatqc"
author = "The coatqc developers"
project_copyright = "the coatqc developers, BSD-3-Clause"
release = __version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
    "reference_by_code",
]
exclude_patterns = ["_build", "_ext", "examples"]
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
autosummary_generate = False
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
numpydoc_validation_checks: set[str] = set()
suppress_warnings = ["mystnb.unknown_mime_type"]
html_theme = "pydata_sphinx_theme"
html_title = "coatqc"
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "use_edit_page_button": False,
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"**": ["sidebar-nav-bs"]}
html_show_sourcelink = False
html_copy_source = False
linkcheck_timeout = 20
