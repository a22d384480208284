"""Deployment: the launcher of ``make run``, and files for images and clusters."""
