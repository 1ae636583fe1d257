"""Who is let in from outside this process: tokens, and sessions that begin with a one-time link."""
