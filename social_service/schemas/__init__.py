"""Request and response schemas of the social service.

Each response schema has a function that builds the response from a row. Only this module has
the names of the API document where they differ from those of the models.
"""
