"""From runs to verdicts, and the sentences that say them."""
