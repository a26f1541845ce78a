"""What the longer commands do, between parsing and the rooms."""
