"""The site builds without a warning, its links lead somewhere, and what it tells to type works."""

from __future__ import annotations

import html.parser
import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import typer

from coatqc.cli import app

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(p for p in DOCS.rglob("*.md") if "_build" not in p.parts)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html",
         "-d", folder / "doctrees", DOCS, folder / "html"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "html"


class Links(html.parser.HTMLParser):
    """Where a page leads, and what can be led to in it."""

    def __init__(self, text):
        super().__init__()
        self.to, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids |= {found[k] for k in ("id", "name") if found.get(k)}
        for key in ("href", "src"):
            if found.get(key) and not (tag == "link" and "canonical" in str(found.get("rel"))):
                self.to.append(found[key])


def test_every_link_leads_somewhere(site):
    # The theme leaves a template among its files.
    found = [p for p in site.rglob("*.html") if "_static" not in p.parts]
    pages = {p.resolve(): Links(p.read_text("utf-8")) for p in found}
    assert len(pages) > 30
    broken, outside = [], set()
    for page, links in pages.items():
        for link in links.to:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https"):
                outside.add(link)
                continue
            if parts.scheme in ("data", "mailto"):
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not target.exists():
                broken.append((page.name, link))
            elif parts.fragment and target in pages:
                known = pages[target].ids
                if unquote(parts.fragment) not in known:
                    broken.append((page.name, link))
    assert broken == []
    assert all(link.startswith("https://") for link in outside), outside


def test_the_reference_holds_what_is_public(site):
    import imaging
    import spectra

    for name, package in (("spectra", spectra), ("imaging", imaging)):
        text = (site / "reference" / f"api-{name}.html").read_text("utf-8")
        for member in package.__all__:
            if callable(getattr(package, member)):
                assert member in text, member
    commands = (site / "reference" / "commands.html").read_text("utf-8")
    group = typer.main.get_command(app)
    assert all(f"coatqc {name}" in commands for name in group.commands)
    assert "false_acceptance" in (site / "reference" / "files.html").read_text("utf-8")
    assert "xrd.lattice_change" in (site / "reference" / "quantities.html").read_text("utf-8")


def blocks(language):
    return [
        (page.relative_to(DOCS).as_posix(), block)
        for page in PAGES
        for block in re.findall(rf"```{language}\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    ]


@pytest.mark.parametrize(("page", "code"), blocks("python"), ids=lambda x: x[:24])
def test_python_gives_what_is_said(page, code, monkeypatch, capsys):
    monkeypatch.chdir(DOCS.parent)
    exec(compile(code, page, "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    said = re.findall(r"^print\(.*\)  # (.*)$", code, re.MULTILINE)
    assert printed == said


def test_commands_that_are_told_exist():
    group = typer.main.get_command(app)
    seen = set()
    for page, block in blocks("bash"):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if not words or words[0] != "coatqc":
                continue
            command = group.commands[words[1]]
            known = {o for p in command.params for o in getattr(p, "opts", ())}
            used = {w for w in words[2:] if w.startswith("-")}
            assert used <= known, (page, line)
            seen.add(words[1])
    assert {"demo", "init", "run", "watch", "trend", "plan"} <= seen
