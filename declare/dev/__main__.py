"""The developers' commands: `python -m declare.dev generate | check | new`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one developers' command; returns its exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "generate":
        from declare.dev.generate import generate

        return generate(slow=options.all)
    if options.command == "new":
        from declare.dev.scaffold import scaffold

        return scaffold(options.kind, options.name)
    from declare.dev.check import check

    return check(only=tuple(options.only or ()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m declare.dev", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    generate = commands.add_parser("generate", help="write schemas, reference pages and tables")
    generate.add_argument("--all", action="store_true", help="also the tables that take minutes")
    check = commands.add_parser("check", help="lint, types, layers, docstrings, generated files, tests")
    check.add_argument("only", nargs="*", help="run only these steps")
    new = commands.add_parser(
        "new", help="start a component: its file, its nn twin, its test, its changelog line"
    )
    new.add_argument("kind", help="the kind: losses, heads, ...")
    new.add_argument("name", help="the name that specs will write as `type`")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
