"""Write-only observers of a run. The CSV is the truth; all others may fail."""
