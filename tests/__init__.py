"""Acceptance tests: the whole product, through the gateway."""

import pytest

# What the tests share also asserts, and should say as much when it fails.
pytest.register_assert_rewrite("tests.client", "tests.shapes")
