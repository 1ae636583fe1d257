"""What can be read: one folder a read model, with its tables, its projector and its queries."""
