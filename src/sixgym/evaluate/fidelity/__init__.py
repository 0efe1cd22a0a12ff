"""How far one simulator is from another, measured on the same networks."""
