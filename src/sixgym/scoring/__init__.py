"""Episode -> number. Graded on recorded measurements, never on what an agent claims."""
