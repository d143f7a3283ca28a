"""`python -m assistant` is the `cloister` command."""

from assistant.cli import main

main()
