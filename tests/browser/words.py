"""The words of the web client, by key, as people see them."""

import json
import re
from pathlib import Path

_WORDS = Path(__file__).resolve().parents[2] / "web" / "js" / "words.js"
_TEXT = r'("(?:[^"\\]|\\.)*")'
_ENTRY = re.compile(rf"^  (\w+): \[\s*{_TEXT},\s*{_TEXT},?\s*\],$", re.MULTILINE)

LOCALES = {"en": "en-US", "zh": "zh-CN"}


class Words:
    """The catalogue of a language."""

    def __init__(self, language: str) -> None:
        self.language = language
        column = list(LOCALES).index(language)
        entries = _ENTRY.findall(_WORDS.read_text())
        self._texts = {key: json.loads(texts[column]) for key, *texts in entries}

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, with its blanks filled in."""
        text: str = self._texts[key]
        for name, value in values.items():
            text = text.replace("{" + name + "}", str(value))
        return text
