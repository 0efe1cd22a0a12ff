"""What is known of a network without measuring it: settings, links, faults, shares of PRBs."""
