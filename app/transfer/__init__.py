"""Files in and out: imports that check first and outlive a kill, and exports."""
