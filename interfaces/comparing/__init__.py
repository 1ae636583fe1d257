"""Old and new answers held against each other: their words, their figures, and one page that shows both."""
