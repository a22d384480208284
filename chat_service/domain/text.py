"""What texts look like: whether they show anything, and whether they are alike but for case."""

import re

_SHOWS_NOTHING = re.compile(
    # White space; control characters; Default_Ignorable_Code_Point of Unicode, which has the Hangul
    # fillers; the Braille pattern without dots; and anchors of interlinear annotations.
    "[\\s\0-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]*"
)


def is_blank(text: str) -> bool:
    """Whether a text shows nothing."""
    return _SHOWS_NOTHING.fullmatch(text) is not None


def fold(text: str) -> str:
    """A text without the difference of upper and lower case: Unicode's simple case folding.

    It goes code point by code point, so the result is as long as the text, and what contains
    another text does so when both are folded.
    """
    if text.isascii():
        return text.lower()
    # Alone these two become two letters, or another one at the end of a word.
    lowered = text.replace("\u0130", "i").replace("\u03a3", "\u03c3").lower()
    return _VARIANTS.sub(lambda letter: letter[0].casefold(), lowered)


# Small letters beside the usual ones, with the same capital: such as the final sigma.
_VARIANTS = re.compile(
    "[\xb5\u017f\u0345\u03c2\u03d0\u03d1\u03d5\u03d6\u03f0\u03f1\u03f5\u1c80-\u1c88\u1e9b\u1fbe]"
)
