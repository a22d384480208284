"""The product under faults, with people who note every acknowledged answer: ``make chaos``."""
