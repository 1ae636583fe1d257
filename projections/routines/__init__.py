"""Which routines there are, what each of their versions says, and how often they were run."""

NAME = "routines"
VERSION = 1
