"""What the application needs from the world, stated as protocols; adapters live in `infrastructure`."""
