"""A flat NumPy program as text, with the arrays it starts from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

LITERAL_LIMIT = 1000
"""Up to so many numbers in all are written into the program; more go into a file beside it."""

Array = np.ndarray[Any, Any]


class Program:
    """What `tg.unroll` gives: `str(program)` is the source, and it runs.

    Attributes:
        inputs: The arrays the program starts from, by name.
        constants: Arrays that its functions find outside themselves, by name.
        source: The whole text: a function `program(...)`, and a main part that calls it.
    """

    def __init__(
        self,
        *,
        inputs: Mapping[str, Array],
        constants: Mapping[str, Array],
        helpers: Sequence[str],
        forward: Sequence[str],
        backward: Sequence[str],
        result: str,
        gradients: Mapping[str, str],
    ) -> None:
        self.inputs, self.constants = dict(inputs), dict(constants)
        self._body = "\n".join(
            [
                *(f"\n\n{helper}" for helper in helpers),
                "",
                "",
                f"def program({', '.join(self.inputs)}):",
                "    # forward",
                *(f"    {line}" for line in forward),
                "",
                "    # backward",
                *(f"    {line}" for line in backward),
                "    gradients = {" + ", ".join(f'"{k}": {v}' for k, v in gradients.items()) + "}",
                f"    return {result}, gradients",
                "",
                "",
                'if __name__ == "__main__":',
                *(f"    {line}" for line in self._values(self.inputs)),
                f"    {result}, gradients = program({', '.join(self.inputs)})",
                f'    print("{result} =", {result})',
                "    for name, gradient in gradients.items():",
                '        print(f"d{name} =", gradient, sep="\\n")',
                "",
            ]
        )
        self.source = "\n".join(
            [
                '"""Forward and backward pass, printed from the tape of the network that ran."""',
                "",
                "import numpy as np",
                *([""] if self.constants else []),
                *self._values(self.constants),
                self._body,
            ]
        )

    @property
    def is_self_contained(self) -> bool:
        """Whether all starting values stand in the text; else `save` writes them beside it."""
        arrays = (*self.inputs.values(), *self.constants.values())
        return sum(a.size for a in arrays) <= LITERAL_LIMIT

    def _values(self, arrays: Mapping[str, Array]) -> list[str]:
        if self.is_self_contained or not arrays:
            return [f"{name} = {literal(array)}" for name, array in arrays.items()]
        return [
            'values = np.load(__file__.removesuffix(".py") + ".npz")',
            *(f'{name} = values["{name}"]' for name in arrays),
        ]

    def run(self, **changed: Any) -> tuple[Any, dict[str, Array]]:
        """Executes the program; returns the result and the gradients of the leaves by name.

        Args:
            **changed: Other values for some inputs.

        Raises:
            TypeError: A name that is no input.
        """
        unknown = set(changed) - set(self.inputs)
        if unknown:
            raise TypeError(
                f"the program has no input {', '.join(sorted(unknown))}; "
                f"its inputs are {', '.join(self.inputs)}"
            )
        namespace: dict[str, Any] = {"__name__": "unrolled", "np": np}
        namespace.update((name, array.copy()) for name, array in self.constants.items())
        exec(compile(self._body, "<unrolled program>", "exec"), namespace)
        result, gradients = namespace["program"](**{**self.inputs, **changed})
        return result, gradients

    def save(self, path: str | Path) -> Path:
        """Writes the program to a .py file that runs alone, and large values to a .npz beside it.

        Raises:
            ValueError: The path does not end in .py.
        """
        path = Path(path)
        if path.suffix != ".py":
            raise ValueError(f"a program is saved as a .py file, got {path.name!r}")
        if not self.is_self_contained:
            np.savez(path.with_suffix(".npz"), **self.inputs, **self.constants)  # type: ignore[arg-type]
        path.write_text(self.source, encoding="utf-8")
        return path

    def __str__(self) -> str:
        return self.source

    def __repr__(self) -> str:
        return f"<program of {len(self.source.splitlines())} lines: print() shows it>"


def literal(array: Array) -> str:
    """An array as source text that gives back the same bits."""
    short = np.array2string(
        array, separator=", ", threshold=array.size + 1, floatmode="unique", max_line_width=10**9
    ).replace("\n", "")
    text = _constructor(short, array)
    values = eval(text, {"np": np, "nan": np.nan, "inf": np.inf})
    if not np.array_equal(values, array, equal_nan=array.dtype.kind == "f"):
        text = _constructor(repr(array.tolist()), array)
    return text.replace("nan", "np.nan").replace("inf", "np.inf") if "n" in short else text


def _constructor(entries: str, array: Array) -> str:
    text = f"np.array({entries}, dtype={array.dtype.name!r})"
    return text if array.size else f"np.zeros({array.shape}, dtype={array.dtype.name!r})"
