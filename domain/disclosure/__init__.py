"""What was shown or given out to somebody, where the settings ask that it be recorded."""
