"""``python -m pyflinkpp``: the command line."""

from pyflinkpp.cli import main

if __name__ == "__main__":
    main()
