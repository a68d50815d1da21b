"""What every HTTP request passes through: parsing, limits, headers, errors."""
