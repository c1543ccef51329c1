"""The developers' commands: `python -m declare.dev generate | check | constraints | versions | new`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from declare.dev.versions import RESOLUTIONS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one developers' command; returns its exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "generate":
        from declare.dev.generate import generate

        return generate(slow=options.all)
    if options.command == "new":
        from declare.dev.scaffold import scaffold

        return scaffold(options.kind, options.name)
    if options.command == "constraints":
        from declare.dev import constraints

        return constraints.write(checked=options.checked)
    if options.command == "versions":
        from declare.dev.versions import versions

        return versions(options.only, options.python, suite=not options.no_suite, processes=options.processes)
    from declare.dev.check import check

    return check(only=tuple(options.only or ()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m declare.dev", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    generate = commands.add_parser("generate", help="write schemas, reference pages and tables")
    generate.add_argument("--all", action="store_true", help="also the tables that take minutes")
    check = commands.add_parser("check", help="lint, types, layers, docstrings, generated files, tests")
    check.add_argument("only", nargs="*", help="run only these steps")
    _versions(commands)
    new = commands.add_parser(
        "new", help="start a component, a rule or a command: its files, its test, its changelog line"
    )
    new.add_argument("kind", help="the kind: losses, heads, ...; or `rules`, or `commands`")
    new.add_argument("name", help="the name that specs will write as `type`; of a rule FAMILY/NAME")
    return parser


def _versions(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands about versions of libraries."""
    constraints = commands.add_parser(
        "constraints", help="write the versions of this environment, if they pass"
    )
    constraints.add_argument("--checked", action="store_true", help="they have passed; check nothing again")
    versions = commands.add_parser(
        "versions", help="try lowest, constrained and newest versions on each Python"
    )
    versions.add_argument(
        "--only", nargs="+", choices=RESOLUTIONS, default=RESOLUTIONS, help="only these environments"
    )
    versions.add_argument(
        "--python", action="append", type=Path, default=[], help="only this interpreter; may be repeated"
    )
    versions.add_argument("--no-suite", action="store_true", help="install and train, but run no tests")
    versions.add_argument("--processes", type=int, default=2, help="processes for the suite")


if __name__ == "__main__":
    raise SystemExit(main())
