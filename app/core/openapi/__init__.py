"""The documentation page, and the common parts of all operations in the OpenAPI document."""
