"""The words of the web client, by key, as people see them."""

import json
import re
from pathlib import Path

_CATALOGUES = Path(__file__).resolve().parents[2] / "web" / "js" / "i18n"
_LINE = re.compile(r'^  (\w+): (".*"),$', re.MULTILINE)

LOCALES = {"en": "en-US", "zh": "zh-CN"}


class Words:
    """The catalogue of a language."""

    def __init__(self, language: str) -> None:
        self.language = language
        source = (_CATALOGUES / f"{language}.js").read_text()
        self._texts = {key: json.loads(text) for key, text in _LINE.findall(source)}

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, with its blanks filled in."""
        text: str = self._texts[key]
        for name, value in values.items():
            text = text.replace("{" + name + "}", str(value))
        return text
