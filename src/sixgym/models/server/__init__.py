"""Language models behind a server: the client, its limits, retries and the wire format."""
