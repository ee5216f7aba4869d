"""The learner's process: loads their file, runs their functions, answers with numbers.

It knows nothing of what is right. The library's own function is taken out before the file is read,
so an answer that hands the question back to the library finds nobody there.
"""

import contextlib
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from ..check import zoo
from ..ops.registry import Op, registry
from .engine import by_the_tape, twice
from .wire import receive, send

Function = Callable[..., Any]


def taken_out(*args: Any, **kwargs: Any) -> Any:
    """What stands in the library where the exercise was cut out."""
    raise RuntimeError(
        "this is the function that the exercise asks for; the library's own is taken out while "
        "your answer is graded, so write it yourself"
    )


def limit_resources(memory: int) -> None:
    """Memory, file size and core dumps, where the system has limits."""
    try:
        import resource
    except ImportError:  # Windows: the time limit alone holds there
        return
    for what, size in (
        ("RLIMIT_AS", memory), ("RLIMIT_FSIZE", 16 * 2**20), ("RLIMIT_CORE", 0),
    ):  # fmt: skip
        number = getattr(resource, what, None)
        if number is not None:
            with contextlib.suppress(ValueError, OSError):  # a stricter limit holds already
                resource.setrlimit(number, (size, size))


def take_out(targets: Sequence[str]) -> None:
    """Empties the library's own functions, and an op's other ways to say the same."""
    found = [zoo.target_function(target) for target in targets]
    for target in targets:
        name, _, part = target.partition(".")
        if part == "forward":
            op = registry[name]
            found += [f for f in (op.textbook_form, op.composed_form) if f is not None]
    for function in found:
        assert isinstance(function, FunctionType)
        function.__defaults__ = function.__kwdefaults__ = None
        function.__code__ = taken_out.__code__


class Answer:
    """The learner's functions, with a count of their calls."""

    def __init__(self, setup: dict[str, Any]) -> None:
        self.file = str(setup["file"])
        self.parts: dict[str, dict[str, str]] = setup["parts"]
        self.calls = dict.fromkeys(self.parts, 0)
        self.functions: dict[str, Function] = {}
        self.op: Op | None = registry.get(setup["exercise"])

    def load(self) -> None:
        """Runs the file and puts its functions where the library's were."""
        take_out([part["target"] for part in self.parts.values()])
        text = Path(self.file).read_text(encoding="utf-8")
        names: dict[str, Any] = {"__name__": "answer", "__file__": self.file}
        exec(compile(text, self.file, "exec", dont_inherit=True), names)
        for part, what in self.parts.items():
            self.functions[part] = self.counted(part, self.own(names.get(what["function"]), what))
        if self.op is not None:
            if "forward" in self.functions:
                self.op.forward = self.functions["forward"]
                names[self.op.name] = self.op  # a VJP that calls the op goes through the tape
            if "backward" in self.functions:
                self.op.vjp(self.functions["backward"])

    def own(self, found: Any, what: dict[str, str]) -> Function:
        """The function, if it is one of this file."""
        name = what["function"]
        code = getattr(found, "__code__", None)
        if not isinstance(found, FunctionType) or code is None:
            raise TypeError(f"{name} must be a function of this file, written with def")
        if code.co_filename != self.file or code.co_name != name:
            raise TypeError(
                f"{name} is another function ({code.co_name}, line {code.co_firstlineno} of "
                f"{Path(code.co_filename).name}): it must be the def {name} of this file"
            )
        return found

    def counted(self, part: str, function: Function) -> Function:
        """The function, counting."""

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls[part] += 1
            return function(*args, **kwargs)

        return call

    def asked(self, how: str, part: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """What one request gives."""
        if how == "direct":
            return self.functions[part](*args, **kwargs)
        assert self.op is not None
        seed, *operands = args
        return (twice if how == "twice" else by_the_tape)(self.op, seed, operands, kwargs)


def serve() -> None:
    """Answers requests until there are no more."""
    # Whatever the learner prints goes to stderr: the pipes of the answers are moved away first.
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    setup = receive(requests)
    assert setup is not None
    limit_resources(int(setup["memory"]))
    answer = Answer(setup)
    try:
        answer.load()
    except BaseException as error:
        send(replies, {"nonce": setup["nonce"], "id": 0, "error": told(error, answer.file)})
        return
    send(replies, {"nonce": setup["nonce"], "id": 0, "value": None})
    while (request := receive(requests)) is not None:
        reply: dict[str, Any] = {"nonce": setup["nonce"], "id": request["id"]}
        args = list(request["args"])
        before = [np.copy(a) if isinstance(a, np.ndarray) else None for a in args]
        with warnings.catch_warnings(record=True) as noticed:
            warnings.simplefilter("always")
            try:
                value = answer.asked(request["how"], request["part"], args, request["kwargs"])
                reply["value"] = value
            except BaseException as error:
                reply["error"] = told(error, answer.file)
        reply["warnings"] = sorted({f"{w.category.__name__}: {w.message}" for w in noticed})
        reply["changed"] = [
            k
            for k, copy in enumerate(before)
            if copy is not None
            and not np.array_equal(copy, args[k], equal_nan=copy.dtype.kind == "f")
        ]
        reply["calls"] = dict(answer.calls)
        try:
            send(replies, reply)
        except TypeError as error:  # a value that is no numbers
            reply.pop("value", None)
            send(replies, {**reply, "error": f"TypeError: {error}"})


def told(error: BaseException, file: str) -> str:
    """An error in one line, with the line of the learner's file."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    if isinstance(error, SyntaxError) and error.filename == file:
        lines.append(error.lineno)
    where = f" (line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {error}{where}"


if __name__ == "__main__":
    sys.modules.setdefault("tinygrad_ed.exercises.child", sys.modules["__main__"])
    serve()
