"""Unicode properties of texts: blank texts, and comparison without case."""

import re

_BLANK = re.compile(
    # White space; control characters; Unicode's Default_Ignorable_Code_Point, which includes the
    # Hangul fillers; the Braille pattern without dots; anchors of interlinear annotations.
    "[\\s\0-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]*"
)


def is_blank(text: str) -> bool:
    """Whether a text has no visible character."""
    return _BLANK.fullmatch(text) is not None


def fold(text: str) -> str:
    """Apply Unicode's simple case folding.

    Each code point is folded alone: the result has the length of the text, and a text that
    contains another one also does after folding.
    """
    if text.isascii():
        return text.lower()
    # lower() maps the first to two code points, and the second by its position in a word.
    lowered = text.replace("\u0130", "i").replace("\u03a3", "\u03c3").lower()
    return _VARIANTS.sub(lambda letter: letter[0].casefold(), lowered)


# Lower-case variants with the same capital letter as another one, such as the final sigma.
_VARIANTS = re.compile(
    "[\xb5\u017f\u0345\u03c2\u03d0\u03d1\u03d5\u03d6\u03f0\u03f1\u03f5\u1c80-\u1c88\u1e9b\u1fbe]"
)
