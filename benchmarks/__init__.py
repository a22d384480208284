"""Benchmarks of processor time and latency."""
