"""The command line: serve the page, generate without a browser, list the models."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from webui import flags
from webui import settings as settings_module
from webui.settings import Settings, SettingsError

Arguments = argparse.Namespace


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0, or 1 after one sentence on what went wrong."""
    given = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser().parse_args(given)
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        return 130
    except (SettingsError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _serve(arguments: Arguments) -> int:
    from webui.serve import serve

    return serve(_settings(arguments))


def _generate(arguments: Arguments) -> int:
    from webui.generate import generate

    return generate(_settings(arguments), arguments)


def _models(arguments: Arguments) -> int:
    from webui.generate import list_models

    return list_models(_settings(arguments))


def _password(arguments: Arguments) -> int:
    from getpass import getpass

    from webui.accounts import hashed

    name = input("Name: ").strip()
    print(f"{name}:{hashed(getpass('Password: '))}")
    return 0


def _settings(arguments: Arguments) -> Settings:
    names = ("share", "host", "port", "engine", "device", "dtype", "offline", "api_auth", "cors_allow_origins")
    names += ("safe_mode", "disable_extensions")
    given: dict[str, Any] = {name: getattr(arguments, name, None) for name in names}
    if getattr(arguments, "no_browser", False):
        given["browser"] = False
    return settings_module.load(arguments.root, given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="webui",
        description="Snowfox: a Stable Diffusion web UI. Without a command it serves the page.",
        epilog="`python -m webui test` runs the test suite.",
    )
    _add_common(parser)
    parser.add_argument(
        "--torch", help="which build of torch to install: cpu, cu126, cu128, cu130, rocm, xpu, pypi or skip"
    )
    parser.add_argument("--host", help="address to listen at; 127.0.0.1 by default: this machine only")
    parser.add_argument("--port", type=int, help="7860 by default; the next free one when it is taken")
    parser.add_argument(
        "--share",
        nargs="?",
        const="gradio",
        metavar="WAY",
        help="share the page by a link: gradio, ssh:USER@HOST or command:PROGRAM … {port}; see docs/sharing.md",
    )
    parser.add_argument("--api-auth", metavar="NAME:PASSWORD", help="ask for them; several with commas")
    parser.add_argument("--cors-allow-origins", metavar="ADDRESSES", help="web pages that may use the API, with commas")
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    parser.set_defaults(run=_serve)
    commands = parser.add_subparsers(title="commands", metavar="")
    # Flags that a subcommand is not given must not undo those given before it.
    keep = argparse.SUPPRESS
    generate = commands.add_parser("generate", help="make pictures without a browser", argument_default=keep)
    password = commands.add_parser("password", help="a password as settings.yaml may keep it, for api_auth")
    password.set_defaults(run=_password)
    models = commands.add_parser("models", help="list the models that were found", argument_default=keep)
    _add_common(generate)
    _add_common(models)
    _add_generate(generate)
    models.set_defaults(run=_models)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--root", type=Path, help="folder of models, extensions, outputs and settings.yaml")
    add("--engine", help="process (default), inline (for debuggers) or fake (no models)")
    add("--device", help="cpu, cuda, cuda:1, mps or xpu; the best one by default")
    add(
        "--dtype",
        choices=("float32", "bfloat16", "float16"),
        help="what models compute in; the device's best by default",
    )
    add("--offline", action="store_const", const=True, help="never use the network")
    add("--safe-mode", action="store_const", const=True, help="start without add-ons, to find out what is wrong")
    add(
        "--disable-extensions",
        nargs="?",
        const="all",
        metavar="NAMES",
        help="start without add-ons, or without those named, with commas between",
    )


def _add_generate(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("prompt", nargs="?", help="what the picture shows")
    add(
        "--like",
        nargs="+",
        type=Path,
        metavar="PICTURE",
        help="make these pictures again from the settings they carry; other flags change some of them",
    )
    add("--size", help="width and height, such as 512x768; the model's own by default")
    add("--count", type=int, help="how many pictures; their seeds count up")
    add("--batch", type=int, help="how many at once; --count is a multiple of it")
    add("--init", type=Path, help="a picture to start from, or a folder of them")
    add("--reuse", help="with a folder as --init: what each picture's own settings give, such as prompt,seed")
    add("--mask", type=Path, help="a picture whose white parts are repainted; needs --init")
    add("--sketch", type=Path, help="a picture with transparency, laid over --init before anything else")
    add("--out", type=Path, help="folder to write to; outputs/ by default")
    add("--server", metavar="ADDRESS", help="make them with a Snowfox that runs elsewhere; pictures come to --out")
    add("--api-auth", metavar="NAME:PASSWORD", help="what that Snowfox asks for")
    flags.add(parser)
    parser.set_defaults(run=_generate)
