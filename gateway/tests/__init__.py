"""Tests of the gateway, with raw connections."""
