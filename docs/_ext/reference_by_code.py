"""Directives that write the reference from the code: nothing of it is kept by hand."""

from __future__ import annotations

import importlib
import inspect
import types

import click
import house
import typer
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective


class _Written(SphinxDirective):
    """A directive whose content is reStructuredText that a function writes."""

    def lines(self) -> list[str]:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        node = nodes.section()
        node.document = self.state.document
        content = StringList(self.lines(), source="written from the code")
        # Headings of their own, below that of the page.
        self.state.nested_parse(content, 0, node, match_titles=True)
        return node.children


class Room(_Written):
    """Everything that a room offers, each name where it is typed: at the top if it is there."""

    required_arguments = 1

    def lines(self) -> list[str]:
        name = self.arguments[0]
        room = importlib.import_module(name)
        top = importlib.import_module(name.partition(".")[0])
        out = [f".. py:module:: {name}", ""]
        handed = set(importlib.import_module("coatcore").__all__) if name == "coatqc" else set()
        offered = _offered(room)
        if handed := handed & offered:
            words = ", ".join(f"``{m}``" for m in sorted(handed))
            out += [f"From :doc:`coatcore <api-coatcore>`: {words}.", ""]
        # Functions first, as one looks for what one can do; results and constants below.
        members = sorted(offered - handed, key=lambda m: (m[0].isupper(), m.lower()))
        for member in members:
            thing = getattr(room, member)
            if inspect.ismodule(thing) or (room is top and _in_a_room(thing, name)):
                continue
            kind = "autoclass" if inspect.isclass(thing) else "autofunction"
            if not callable(thing):
                continue
            place = top.__name__ if member in top.__all__ else name
            out += [f".. {kind}:: {place}.{member}", ""]
            if kind == "autoclass":
                out[-1:] = ["   :members:", "   :exclude-members: " + _fields(thing), ""]
        return out


def _offered(room: types.ModuleType) -> set[str]:
    """What a folder's stub names, or the public things that a module defines."""
    if hasattr(room, "__all__"):
        return set(room.__all__)
    own = {n: t for n, t in vars(room).items() if getattr(t, "__module__", "") == room.__name__}
    return {n for n in own if not n.startswith("_")}


def _in_a_room(thing: object, package: str) -> bool:
    """Whether something at the top of a package has a room whose section shows it."""
    module = importlib.import_module(getattr(thing, "__module__", package))
    is_room = hasattr(module, "__path__")
    folder = module.__name__ if is_room else module.__name__.rpartition(".")[0]
    return folder != package and folder.startswith(f"{package}.")


def _fields(thing: type) -> str:
    """Fields stand in the docstring; inherited machinery of pydantic says nothing here."""
    named = [*getattr(thing, "__annotations__", ()), "model_config", "count", "index"]
    return ", ".join(named)


class Quantities(_Written):
    """Table of everything that can be measured."""

    def lines(self) -> list[str]:
        from coatcore.quality.registry import quantities

        out = [".. list-table::", "   :header-rows: 1", ""]
        heads = ("quantity", "unit or outcomes", "files", "reference", "parameters")
        rows = [
            (
                f"``{q.name}``",
                q.unit or ", ".join(q.categories),
                q.role,
                "yes" if q.needs_reference else "",
                ", ".join(f"``{p}``" for p in q.parameters.model_fields),
            )
            for q in quantities().values()
        ]
        for row in (heads, *rows):
            out += [f"   {'* -' if i == 0 else '  -'} {cell}" for i, cell in enumerate(row)]
        return [*out, ""]


class Rooms(_Written):
    """Every room with what it says of itself and its modules."""

    def lines(self) -> list[str]:
        out = [".. list-table::", "   :header-rows: 1", "   :widths: 25 40 35", ""]
        rows = [("room", "what it is", "modules")]
        rows += [(f"``{r.name}``", r.sentence, ", ".join(r.modules)) for r in house.rooms()]
        for row in rows:
            out += [f"   {'* -' if i == 0 else '  -'} {cell}" for i, cell in enumerate(row)]
        return [*out, ""]


class HouseCounts(_Written):
    """What ``make house`` prints."""

    def lines(self) -> list[str]:
        counts = [f"   {words}: {number}" for words, number in house.counts().items()]
        return ["::", "", *counts, ""]


class Keys(_Written):
    """Keys of a recipe or batch file, from the JSON Schema that checks it."""

    required_arguments = 1

    def lines(self) -> list[str]:
        from coatqc.recipes.schemas import json_schema

        schema = json_schema(self.arguments[0])
        out: list[str] = []
        tables = {"": schema, **schema.get("$defs", {})}
        for name, table in tables.items():
            properties = table.get("properties")
            if not properties:
                continue
            out += [f"**{name or 'top level'}**", "", ".. list-table::", "   :header-rows: 1", ""]
            out += ["   * - key", "     - type", "     - required", "     - meaning"]
            for key, facts in properties.items():
                required = "yes" if key in table.get("required", ()) else ""
                meaning = facts.get("description", "")
                if "default" in facts and facts["default"] not in ("", None, [], {}):
                    meaning = f"{meaning} (default: {facts['default']})".strip()
                out += [f"   * - ``{key}``", f"     - {_type(facts)}"]
                out += [f"     - {required}", f"     - {meaning}"]
            out.append("")
        return out


def _type(facts: dict) -> str:
    if "$ref" in facts:
        return str(facts["$ref"]).rsplit("/", 1)[-1]
    if "enum" in facts:
        return "a name" if len(facts["enum"]) > 8 else ", ".join(map(str, facts["enum"]))
    if "anyOf" in facts:
        kinds = dict.fromkeys(_type(each) for each in facts["anyOf"])
        return " or ".join(k for k in kinds if k != "null")
    if facts.get("type") == "array":
        return f"list of {_type(facts['items'])}"
    if facts.get("type") == "object" and isinstance(facts.get("additionalProperties"), dict):
        return f"table of {_type(facts['additionalProperties'])}"
    return str(facts.get("type", facts.get("const", "")))


class Commands(_Written):
    """Every command with its arguments and options."""

    def lines(self) -> list[str]:
        from coatqc.cli import app

        group = typer.main.get_command(app)
        out: list[str] = []
        for name, command in group.commands.items():
            context = click.Context(command, info_name=f"coatqc {name}")
            usage = " ".join(command.collect_usage_pieces(context))
            out += [f".. rubric:: coatqc {name}", "", "::", "", f"   coatqc {name} {usage}", ""]
            out += [*inspect.cleandoc(command.help or "").splitlines(), ""]
            for option in command.params:
                if option.name == "help":
                    continue
                shown = ", ".join(option.opts)
                if option.param_type_name == "argument":
                    shown = option.metavar or option.name
                words = getattr(option, "help", "") or ""
                default = option.default
                if default not in (None, "", False, ()) and not callable(default):
                    words = f"{words} Default: {default}."
                out += [f"``{shown}``", f"   {words}"]
            out.append("")
        return out


def setup(app):
    """Sphinx calls this."""
    for name, directive in (
        ("public-api", Room),
        ("quantities", Quantities),
        ("rooms", Rooms),
        ("house-counts", HouseCounts),
        ("keys-of", Keys),
        ("commands", Commands),
    ):
        app.add_directive(name, directive)
    return {"parallel_read_safe": True}
