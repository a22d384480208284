"""Shapes of what the social service takes and answers.

Beside each shape of an answer stands the function that makes it of a row: models keep the
better names, the document's own are found here only.
"""
