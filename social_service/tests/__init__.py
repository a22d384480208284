"""Tests of the social service."""
