"""The pages: rendered here, without a build step, working offline under a strict content policy."""
