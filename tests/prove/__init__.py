"""Campaigns that try to lose a write: small in `make test`, at full count in `make prove`."""
