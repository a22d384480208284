"""Check that identifiers use words with a technical meaning: ``python -m docs.identifiers``.

The words without one, and the phrases that may contain them, are in ``[tool.identifiers]`` of
pyproject.toml. The names of tests are sentences; they are checked for the words of docs/words.txt.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click


def main() -> int:
    """Print every identifier that contains such a word; 1 if there is one."""
    settings = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["identifiers"]
    words = set(settings["words"])
    prose = {line.partition("->")[0] for line in Path("docs/words.txt").read_text().splitlines()}
    exceptions = re.compile("|".join(settings["exceptions"]), re.IGNORECASE)
    findings = [
        f"{path}:{line}: {name}"
        for package in settings["packages"]
        for path in sorted(Path(package).rglob("*.py"))
        for name, line in _defined_names(ast.parse(path.read_text()))
        if _split(exceptions.sub("_", name)) & (prose if name.startswith("test_") else words)
    ]
    click.echo("\n".join(findings), nl=bool(findings))
    return bool(findings)


def _defined_names(module: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(module):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, node.lineno
            case ast.arg():
                yield node.arg, node.lineno
            case ast.Name(ctx=ast.Store()):
                yield node.id, node.lineno
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr, node.lineno


def _split(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


if __name__ == "__main__":
    sys.exit(main())
