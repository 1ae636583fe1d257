"""The Ollama adapter: see `model_server.py`."""
