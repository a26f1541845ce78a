"""A report as pages: what is shown in which order, and the templates that show it."""
