"""Tests of the shared library, with a tiny service."""
