"""What MkDocs calls while it builds the site: pages that are made, links, and drawings.

`mkdocs.yml` names this file.
"""

import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.site.asked import ask_a_node
from tools.site.calls import calls_page
from tools.site.commands import commands_page, settings_page
from tools.site.faults import errors_page
from tools.site.measures import metrics_page
from tools.site.mounted import MOUNTED, file_of, relinked

ROOT: Final = Path(__file__).parents[2]
_DRAWING: Final = re.compile(r'<img alt="([^"]*)" src="[^"]*drawings/([\w-]+\.svg)" ?/?>')


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List every decision, so that a new one needs no line in `mkdocs.yml`."""
    names = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    decisions = {"Decisions": [f"decisions/{name}" for name in names]}
    config.nav = [*(config.nav or ()), decisions]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are no files of `docs/`."""
    said = ask_a_node()
    made = {
        "reference/cli.md": commands_page(),
        "reference/settings.md": settings_page(),
        "reference/rest.md": calls_page(said.document),
        "reference/metrics.md": metrics_page(said.metrics),
        "reference/errors.md": errors_page((ROOT / "docs" / "REFERENCE.md").read_text()),
    }
    for path, page in MOUNTED.items():
        if (ROOT / path).exists():
            made[page] = (ROOT / path).read_text()
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to where the site has what they name."""
    del config
    shown = {file_of(file.src_uri) for file in files}
    return relinked(markdown, page.file.src_uri, shown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put drawings into the page itself, so that their text can be selected and searched."""
    del page, config, files
    return _DRAWING.sub(_drawn, html)


def _drawn(found: re.Match[str]) -> str:
    drawing = (ROOT / "docs" / "drawings" / found[2]).read_text()
    return f'<figure class="drawing" role="img" aria-label="{found[1]}">{drawing}</figure>'
