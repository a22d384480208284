"""Images: where they are stored, and the process that decodes them."""
