"""`python -m sixgym` is `sixgym`."""

from sixgym.cli import main

main()
