"""Views: episodes as rows for training, and the only place where loss masks are made."""
