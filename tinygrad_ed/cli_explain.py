"""`tinygrad-ed explain`: the derivation of an example or of a formula that you type."""

import argparse
import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .derivation import Derivation
    from .tensor import Tensor


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "example", nargs="?", metavar="EXAMPLE", help="an example by name: see --list"
    )
    what.add_argument("--expr", metavar="FORMULA", help="a loss: mean((sigmoid(x @ w + b) - t)**2)")
    what.add_argument("--list", action="store_true", help="the examples that there are")
    parser.add_argument(
        "--let",
        action="append",
        default=[],
        type=_value,
        metavar="NAME=VALUE",
        help="the value of a name in --expr: x=[[1,2],[3,4]]; others are drawn at random",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random values (default: 0)")
    parser.add_argument("--wrt", metavar="NAME", help="only what leads to this gradient")
    parser.add_argument(
        "--entry",
        type=_entry,
        metavar="I,J",
        help="follow this entry of --wrt, its sum written out, with the row and column that meet",
    )
    parser.add_argument(
        "--convention",
        choices=("row", "column"),
        default="row",
        help="a sample is a row, Z = X W + b, or a column, Z = W X + b (default: row)",
    )
    parser.add_argument(
        "--order", type=int, choices=(1, 2), default=1, help="2: second derivatives"
    )
    parser.add_argument(
        "--parts", action="store_true", help="take fused losses apart into smaller steps"
    )
    parser.add_argument(
        "--chain", action="store_true", help="the chain rule from the loss to --wrt in one formula"
    )
    for form, about in (
        ("html", "a page that needs no network"),
        ("stepper", "a page that shows one step at a time"),
        ("latex", "a document for LaTeX"),
        ("json", "data for programs"),
    ):
        parser.add_argument(f"--{form}", type=Path, metavar="FILE", help=f"write {about}")


def _value(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as x=[1,2]")
    try:
        return name.strip(), ast.literal_eval(value.strip())
    except (ValueError, SyntaxError):
        raise argparse.ArgumentTypeError(
            f"{value!r} is no number or list of numbers, such as [[1,2],[3,4]]"
        ) from None


def _entry(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.strip("()[] ").split(",") if part.strip())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no entry, such as 2,0") from None


def run(arguments: argparse.Namespace) -> int:
    """Shows the derivation, or writes it to files."""
    from .derivation.examples import EXAMPLES

    if arguments.list:
        for name, example in EXAMPLES.items():
            source = f" [{example.source}]" if example.source else ""
            print(f"{name:<12} {example.about}{source}")
        return 0
    if arguments.chain and not arguments.wrt:
        raise ValueError("--chain goes from the loss to one tensor: say which with --wrt NAME")
    if arguments.entry is not None and not arguments.wrt:
        raise ValueError("--entry is an entry of a tensor: say of which with --wrt NAME")
    from .derivation import explain

    try:
        derivation = explain(
            _loss(arguments),
            wrt=arguments.wrt,
            entry=arguments.entry,
            convention=arguments.convention,
            order=arguments.order,
            parts=arguments.parts,
        )
    except MemoryError as error:
        raise ValueError("the arrays need more memory than there is: take smaller ones") from error
    if not _written(derivation, arguments):
        if arguments.chain:
            print(derivation.chain(arguments.wrt), end="")
        else:
            derivation.show()
    return 0


def _loss(arguments: argparse.Namespace) -> "Tensor":
    from .derivation.examples import EXAMPLES
    from .derivation.typed import typed

    if arguments.expr is not None:
        return typed(arguments.expr, dict(arguments.let), arguments.wrt, arguments.seed)
    if arguments.example not in EXAMPLES:
        raise ValueError(
            f"no example is called {arguments.example!r}; there are {', '.join(EXAMPLES)}"
        )
    return EXAMPLES[arguments.example].build()


def _written(derivation: "Derivation", arguments: argparse.Namespace) -> bool:
    """Writes the files that were asked for; whether there were any."""
    forms = ("html", "stepper", "latex", "json")
    wanted = {form: path for form in forms if (path := getattr(arguments, form)) is not None}
    for form, path in wanted.items():
        path.write_text(getattr(derivation, form)(), encoding="utf-8")
        print(f"written: {path}")
    return bool(wanted)
