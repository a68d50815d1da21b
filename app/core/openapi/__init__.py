"""The documentation page, and what every operation of the OpenAPI document has."""
