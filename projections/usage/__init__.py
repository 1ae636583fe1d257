"""What answers cost and how they were liked: tokens, time and ratings, by model, day and project."""

NAME = "usage"
VERSION = 2
