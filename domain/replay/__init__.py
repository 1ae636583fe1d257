"""Asking recorded prompts again, and comparing."""
