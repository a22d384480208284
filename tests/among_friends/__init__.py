"""Tests of conversations whose people have long been friends; each test makes its own group."""
