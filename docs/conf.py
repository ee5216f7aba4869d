"""How the book is built: every cell runs, every formula is typeset, every warning is an error.

    pip install -e '.[docs]'
    python -m sphinx -W --keep-going -b html docs docs/_build/html

Nothing is fetched: what a page needs lies beside it.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "extensions"))
# Cells find bookkit/.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
)
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
# The kernels that run the cells get a profile of their own: nobody's start-up files, no history.
profile = HERE / "_build" / "ipython" / "profile_default"
profile.mkdir(parents=True, exist_ok=True)
(profile / "ipython_kernel_config.py").write_text(
    "c.IPKernelApp.log_level = 'ERROR'\nc.HistoryManager.enabled = False\n", encoding="utf-8"
)
os.environ["IPYTHONDIR"] = str(profile.parent)

from typing import Any  # noqa: E402  (after the paths above)

import tinygrad_ed  # noqa: E402

project = "tinygrad_ed"
author = "the tinygrad_ed authors"
project_copyright = "the tinygrad_ed authors, MIT licence"
release = version = tinygrad_ed.__version__
language = "en"

extensions = ["myst_nb", "katex_at_build", "catalogue_links", "public_names"]
exclude_patterns = ["_build", "extensions", "bookkit", "**/.ipynb_checkpoints"]
nitpicky = True

# Cells: all of them, every time, and what goes wrong in one ends the build.
nb_execution_mode = "force"
nb_execution_timeout = 120
nb_execution_raise_on_error = False  # a failing cell is a warning, so an error with -W
nb_execution_show_tb = True
nb_output_stderr = "warn"
nb_merge_streams = True
nb_render_markdown_format = "myst"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist", "attrs_inline"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

html_theme = "furo"
html_title = "tinygrad_ed"
html_static_path = ["static"]
html_css_files = ["book.css"]
html_math_renderer = "katex"
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"code-font-size": "78%"},
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"


def setup(app: Any) -> None:
    """Every build reads every page: a cell depends on the engine, not on its page alone."""
    app.connect("env-get-outdated", lambda app, env, *_: env.found_docs)
