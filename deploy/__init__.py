"""Running the product: the launcher behind ``make run``, and what images and clusters need."""
