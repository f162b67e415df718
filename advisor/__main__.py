"""`python -m advisor` is the same as the `dladvisor` command."""

from advisor.cli import main

if __name__ == "__main__":
    main()
