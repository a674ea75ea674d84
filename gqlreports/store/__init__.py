"""What the CDR store holds, and how files get into it."""
