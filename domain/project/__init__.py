"""A project: a group of conversations with instructions and a default model of its own."""
