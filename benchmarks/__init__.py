"""What the product costs and how fast it is; figures, not tests."""
