"""The book over HTTP: `daybook serve`."""
