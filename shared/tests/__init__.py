"""Tests of what the programs have in common, on a tiny service of their own."""
