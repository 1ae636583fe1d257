"""A book behind a Daybook server: the same parts as one that is open here, over the public HTTP interface."""
