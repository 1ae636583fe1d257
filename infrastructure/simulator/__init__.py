"""A model server that says it is a simulator: see `server.py`."""
