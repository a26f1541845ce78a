"""What a search over settings came to: trials, the best of them, and what is said of both."""
