"""The texts of the web client, by key, as users see them."""

import json
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[2] / "web" / "words"

LOCALES = {"en": "en-US", "zh": "zh-CN"}


class Words:
    """The catalogue of a language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts: dict[str, str] = json.loads((_FOLDER / f"{language}.json").read_text())

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, with its blanks filled in."""
        text = self._texts[key]
        for name, value in values.items():
            text = text.replace("{" + name + "}", str(value))
        return text
