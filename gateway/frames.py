"""Boundaries of the frames that a websocket server sends (RFC 6455, section 5.2)."""

from typing import Final

GOING_AWAY: Final = b"\x88\x02\x03\xe9"
"""A close frame with the code 1001."""

_HEADER_SIZE = 2  # Bytes of the header without an extended length.
_EXTENDED_SIZES = {126: 2, 127: 8}  # Bytes of the extended length, by the 7-bit length.


class FrameBoundaries:
    """Parses the boundaries in a server's stream: the handshake response, then frames."""

    __slots__ = ("_incomplete", "_is_open", "_left")

    def __init__(self) -> None:
        self._is_open = False  # The handshake response is complete.
        self._incomplete = b""  # The beginning of a header.
        self._left = 0  # Missing bytes of the current frame.

    @property
    def is_between_frames(self) -> bool:
        """Whether the stream is at a boundary, where another frame can be inserted."""
        return self._is_open and not self._left and not self._incomplete

    def feed(self, block: bytes) -> None:
        """Parse the next bytes of the stream."""
        data, at = self._incomplete + block, self._left
        self._incomplete = b""
        while at < len(data):
            length = self._measure(data, at)
            if length == 0:
                self._incomplete, at = data[at:], len(data)
            at += length
        self._left = at - len(data)

    def _measure(self, data: bytes, at: int) -> int:
        """Get the length of the unit that begins at ``at``; 0 if its header is incomplete."""
        if self._is_open:
            return _frame_length(data[at : at + _HEADER_SIZE + max(_EXTENDED_SIZES.values())])
        end = data.find(b"\r\n\r\n", at)
        self._is_open = end >= 0
        return end + 4 - at if self._is_open else 0


def _frame_length(header: bytes) -> int:
    if len(header) < _HEADER_SIZE:
        return 0
    length = header[1] & 0x7F
    payload_at = _HEADER_SIZE + _EXTENDED_SIZES.get(length, 0)
    if payload_at == _HEADER_SIZE:
        return payload_at + length
    if len(header) < payload_at:
        return 0
    return payload_at + int.from_bytes(header[_HEADER_SIZE:payload_at])
