"""The delivery routes, answered from memory."""
