"""Metrics of the chat service."""

from prometheus_client import Counter, Gauge

messages_sent = Counter("ims_messages_sent", "Messages sent, by type: `text`, `image`.", ["type"])
sockets_open = Gauge("ims_websockets", "Open websockets.", multiprocess_mode="livesum")
frames_delivered = Counter("ims_frames_delivered", "Frames sent to open websockets.")
slow_sockets_closed = Counter(
    "ims_slow_sockets_closed", "Websockets closed because they did not read their frames in time."
)
