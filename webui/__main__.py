"""`python -m webui`: says so when the Python is too old, else hands over to the bootstrap.

This file is read by whatever Python the user has, so it keeps to syntax that Python 3.6 (and even 2.7) can parse.
"""

import sys

OLDEST = (3, 11)


def main():
    if sys.version_info[:2] < OLDEST:
        sys.stderr.write(
            "Snowfox needs Python 3.11 or newer, and this is Python %d.%d. "
            "Get a newer one from https://www.python.org/downloads/ and run the same command with it, "
            "for example: python3.13 -m webui\n" % sys.version_info[:2]
        )
        return 2
    from webui.bootstrap.start import main as start

    return start(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
