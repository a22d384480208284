"""The product under faults, with simulated users who record every acknowledged response: ``make
chaos``.
"""
