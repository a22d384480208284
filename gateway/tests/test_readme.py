"""The README's table of files is complete."""

from pathlib import Path

GATEWAY = Path(__file__).parents[1]


def test_the_readme_lists_every_file() -> None:
    readme = (GATEWAY / "README.md").read_text()
    files = {path.name for path in GATEWAY.glob("*.py")} - {"__init__.py"}

    assert [name for name in sorted(files) if f"`{name}`" not in readme] == []
