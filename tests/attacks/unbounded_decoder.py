"""The decoder process without limits of memory and time."""

import resource

from shared.media.imaging import server

if __name__ == "__main__":
    server.MEMORY_LIMIT, server.CPU_LIMIT_SECONDS = resource.RLIM_INFINITY, 3600
    server.main()
