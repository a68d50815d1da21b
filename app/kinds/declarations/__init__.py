"""What a kind declares about its fields, and what is derived from the declarations."""
