"""What commands print: tables, plots, progress and views of an episode."""
