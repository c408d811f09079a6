#!/bin/sh
# Starts Snowfox by double click: finds a Python and runs `python -m webui` in this folder.
cd "$(dirname "$0")" || exit 1

find_python() {
    for name in python3.13 python3.12 python3.11 python3 python; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            echo "$name"
            return 0
        fi
    done
    return 1
}

# A window opened by a double click would close before its message could be read.
hold() {
    if [ "$1" -ne 0 ] && [ "$1" -ne 130 ] && [ -t 0 ]; then
        printf 'Press Enter to close this window. '
        read -r _
    fi
    exit "$1"
}

if ! python=$(find_python); then
    echo "Snowfox needs Python 3.11 or newer, and none was found." >&2
    echo "Get it from https://www.python.org/downloads/ or from your system:" >&2
    echo "  Debian, Ubuntu: sudo apt install python3 python3-venv    macOS: brew install python@3.13" >&2
    hold 1
fi

"$python" -m webui "$@"
hold $?
