"""The command `lastword`, also as `python -m lastword`.

Everything is imported within, so that Ctrl-C is quiet from the first moment on.
"""

import sys

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it: 128 and the number of SIGINT."""


def main() -> None:
    """Run the command."""
    try:
        from lastword.cli.main import run  # noqa: PLC0415 - see the module's docstring

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
