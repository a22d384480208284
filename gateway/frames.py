"""Where the frames of a websocket server begin and end (RFC 6455, section 5.2)."""

from typing import Final

GOING_AWAY: Final = b"\x88\x02\x03\xe9"
"""A close frame with the code 1001."""

_SHORT = 2  # Bytes of a frame's head, without an extended length.
_EXTENDED = {126: 2, 127: 8}  # Bytes of the extended length that these lengths announce.


class FrameBoundaries:
    """Follows what a server sends: its answer to the handshake, then frames of any content."""

    __slots__ = ("_has_consented", "_incomplete", "_left")

    def __init__(self) -> None:
        self._has_consented = False
        self._incomplete = b""  # The beginning of a head.
        self._left = 0  # Bytes of the current frame that are to come.

    @property
    def is_between_frames(self) -> bool:
        """Whether another frame may begin here."""
        return self._has_consented and not self._left and not self._incomplete

    def follow(self, block: bytes) -> None:
        """Go on by what was sent."""
        data, at = self._incomplete + block, self._left
        self._incomplete = b""
        while at < len(data):
            length = self._measure(data, at)
            if length == 0:
                self._incomplete, at = data[at:], len(data)
            at += length
        self._left = at - len(data)

    def _measure(self, data: bytes, at: int) -> int:
        """Length of what begins in ``data`` at a boundary; 0 if its head is not whole."""
        if self._has_consented:
            return _frame_length(data[at : at + _SHORT + max(_EXTENDED.values())])
        end = data.find(b"\r\n\r\n", at)
        self._has_consented = end >= 0
        return end + 4 - at if self._has_consented else 0


def _frame_length(head: bytes) -> int:
    if len(head) < _SHORT:
        return 0
    length = head[1] & 0x7F
    payload = _SHORT + _EXTENDED.get(length, 0)
    if payload == _SHORT:
        return payload + length
    if len(head) < payload:
        return 0
    return payload + int.from_bytes(head[_SHORT:payload])
