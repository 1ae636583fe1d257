"""A routine: a saved prompt with variables, instructions, a model and options, run as one command."""
