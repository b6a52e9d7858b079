"""Makes the repository's own Markdown a site: hooks that MkDocs calls, see ``mkdocs.yml``.

Pages are written to be read in the repository too, where they link to sources, configurations and root files.
On the site root files become pages, and links to other files become their names. A link to nothing is left as
it is, so that the build fails on it. It fails too on a page that would fetch anything from the network.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT_PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""File in the root of the repository -> page of the site."""

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")
_ROLE = re.compile(r":(?:class|meth|func|attr|data|mod):(?=<code>)")
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(?:https?:)?//|<link\b[^>]*\bhref=\"?(?:https?:)?//"
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are files in the root of the repository."""
    root = Path(config.config_file_path).parent
    for name, page in ROOT_PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(root / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links that leave the folder of the pages into links to pages, or into plain names."""
    root, pages = Path(config.config_file_path).parent, Path(config.docs_dir)
    here = Path(str(page.file.abs_src_path)).parent

    def rewritten(link: re.Match[str]) -> str:
        place = Path(os.path.normpath(here / link["target"]))
        if not place.exists() or not place.is_relative_to(root):
            return link[0]
        if place.is_relative_to(pages):
            goal = place.relative_to(pages).as_posix()
        elif place.name in ROOT_PAGES and place.parent == root:
            goal = ROOT_PAGES[place.name]
        else:
            return link["text"]
        relative = os.path.relpath(goal, Path(page.file.src_uri).parent)
        return f"[{link['text']}]({relative}{link['anchor'] or ''})"

    return _LINK.sub(rewritten, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Leave out the role before a name that a docstring marks for Sphinx."""
    return _ROLE.sub("", html)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Refuse a page that loads something from elsewhere.

    Raises:
        PluginError: Naming the page and what it would load.
    """
    found = _FETCHED.search(output)
    if found:
        raise PluginError(f"{page.file.src_uri} loads from the network: {found[0]}...; keep a copy in docs/")
    return output
