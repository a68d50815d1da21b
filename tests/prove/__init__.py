"""Campaigns that try to lose a write: small in `make test-full`, long in `make prove`."""
