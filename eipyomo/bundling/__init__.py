"""What was solved, and all that tells it, in one zip that is checked whenever it is opened."""
