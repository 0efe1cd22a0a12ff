"""The 42 tools of 6GAgentGym's table IV. Importing the package declares all of them."""
