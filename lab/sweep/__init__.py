"""From a question to runs: plan, study, supervisor, launcher."""
