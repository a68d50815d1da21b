"""HTTP, SQL, time, secrets, logging: everything that does not know what a question is."""
