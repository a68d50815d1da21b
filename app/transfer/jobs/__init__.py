"""Import jobs: their phases, and the processes that run them."""
