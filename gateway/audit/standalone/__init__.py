"""What an auditor takes away: one file that needs nothing of this product."""
