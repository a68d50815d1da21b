"""What knows HTTP, SQL, time and secrets, and no question."""
