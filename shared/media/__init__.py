"""Image storage, and the process that decodes images."""
