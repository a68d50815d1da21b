"""The database: sessions, the write lock, the edition clock and leases."""
