"""`python -m cli`: the same as `clipseek`."""

from cli.main import main

if __name__ == "__main__":
    main()
