"""From a kernel in Numba's dialect to machine code: an object file with one entry.

Numba translates to LLVM's intermediate language; from there on we go ourselves. Everything but the
entry becomes internal, so that what the kernel does not need is dropped (error paths and reference
counts, which kernels do not have), then LLVM optimises for this processor and writes an object
file.

    entry(row, part, parts, work)

The entry makes array views of the row's words and calls the kernel on them.
"""

import contextlib
import functools
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import llvmlite.binding as llvm
from numba import njit, types
from numba.core import codegen
from numba.core import config as numba_config
from numba.core.compiler_lock import global_compiler_lock

from ..operands import FIRST, LEAST, NEVER, ROW, WORDS, Signature
from . import memory
from .loading import target_machine

config: Any = numba_config  # its names are made on import, where no type checker sees them
FLAGS = {"contract"}
"""What arithmetic may do beyond IEEE: a multiplication and an addition in one rounding. Nothing is
reordered, and NaN and infinities are what they are."""

INNER: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Only machine code calls it: no way in from Python."""
LIBRARY = {name + end for name in ("sin", "cos", "pow", "fmod") for end in ("", "f")} | {
    *("memset", "memcpy", "memmove"),
}
"""What a kernel may call outside itself."""

ENTRY = "entry"
"""What the one symbol of an object file is called."""
Function = Callable[..., Any]


def kernel(
    function: Function | None = None,
    *,
    split: str | tuple[str, ...] = "",
    work: tuple[str, ...] = (),
    equal: tuple[str, ...] = (),
    least: int = LEAST,
    exact: bool = False,
) -> Any:
    """Decorator: makes a function in Numba's dialect a kernel; its annotations say what it takes.

    A kernel returns nothing, or a whole number: 0, or what it objects to in the entries that it was
    given (a label out of range); whoever called it then finds out and says so.

    Args:
        function: The kernel.
        split: See `operands.Signature`.
        work: The words whose product says how much there is to do: "x" is a Flat's size, a
            Matrix's rows or an Int's value, "C.columns" a Matrix's columns.
        equal: Words that must agree, "A.columns = B".
        least: The work from which on threads share it, if it can be divided.
        exact: Round after each operation, as NumPy does.
    """
    if function is None:
        return functools.partial(
            kernel, split=split, work=work, equal=equal, least=least, exact=exact
        )
    about = {"split": split, "work": work, "equal": equal, "least": least if split else NEVER}
    function.attributes = about  # type: ignore[attr-defined]
    function.exact = exact  # type: ignore[attr-defined]
    return function


def entry_source(function: Function, signature: Signature) -> str:
    """The text of the entry: views of the row's words, and the call of the kernel on them."""
    lines = ["def entry(row_, part_, parts_, work_):"]
    kinds = {
        "Flat": "flat_view(word_at(row_ + {0}), size_at(row_ + {1}))",
        "Labels": "label_view(word_at(row_ + {0}), size_at(row_ + {1}))",
        "Vector": "flat_view(word_at(row_ + {0}), size_at(row_ + {1}))",
        "Mask": "mask_view(word_at(row_ + {0}), size_at(row_ + {1}))",
        "Matrix": "matrix_view(word_at(row_ + {0}), size_at(row_ + {1}), size_at(row_ + {2}), "
        "word_at(row_ + {3}), word_at(row_ + {4}))",
        "Int": "word_at(row_ + {0})",
        "Real": "real_at(row_ + {0})",
    }
    place, given = FIRST, []
    for name in inspect.signature(function).parameters:
        kind = function.__annotations__[name].__metadata__[0]
        if kind in WORDS:
            where = [8 * (place + k) for k in range(5)]
            lines.append(f"    {name} = {kinds[kind].format(*where)}")
            place += WORDS[kind]
            given.append(name)
        else:
            given.append(f"{kind}_")
    if place > ROW:
        raise ValueError(f"{function.__name__} needs {place} words, a row has {ROW}")
    if signature.split and signature.split != "self":
        size = f"{signature.split[0]}.size"
        lines += [  # names that no operand has
            f"    share_ = (({size} + 63) // 64 + parts_ - 1) // parts_ * 64",
            f"    from_, to_ = min({size}, part_ * share_), min({size}, (part_ + 1) * share_)",
        ]
        lines += [f"    {name} = {name}[from_:to_]" for name in signature.split]
    objects = function.__annotations__.get("return") is int
    lines.append(f"    {'return ' if objects else ''}kernel_({', '.join(given)})")
    if not objects:
        lines.append("    return 0")
    return "\n".join(lines) + "\n"


def _size(address):  # type: ignore[no-untyped-def]
    """A size in a row; that of a missing operand is below zero."""
    return max(0, memory.word(address))


def intermediate(function: Function, signature: Signature) -> tuple[str, str]:
    """LLVM's text for a kernel with its entry, and the entry's name in it."""
    number = getattr(types, signature.dtype)
    flags: Any = False if function.exact else FLAGS  # type: ignore[attr-defined]
    inner = njit(error_model="numpy", fastmath=flags, **INNER)(function)
    namespace = {
        "kernel_": inner,
        "flat_view": memory.flat_view(number),
        "label_view": memory.flat_view(types.int64),
        "mask_view": memory.flat_view(types.boolean),
        "matrix_view": memory.matrix_view(number),
        "word_at": memory.word,
        "real_at": memory.real_word,
        "size_at": njit(_size, inline="always"),
    }
    exec(entry_source(function, signature), namespace)
    return c_function(namespace["entry"], 4)


def c_function(function: Function, words: int) -> tuple[str, str]:
    """LLVM's text for a function from words to a word, and the name of a C function that calls it.

    Numba's own functions return a status and write the result to an address.
    """
    with unoptimised():
        made = njit(types.intp(*[types.intp] * words), error_model="numpy", **INNER)(function)
        (signature,) = made.signatures
        overload: Any = made.overloads[signature]
        text, inside = made.inspect_llvm(signature), overload.fndesc
    given = ", ".join(f"i64 %a{k}" for k in range(words))
    text += f"""
define i64 @{ENTRY}({given}) {{
  %result = alloca i64
  %error = alloca ptr
  %status = call i32 @{inside.llvm_func_name}(ptr %result, ptr %error, {given})
  %found = load i64, ptr %result
  ret i64 %found
}}
"""
    return text, ENTRY


@contextlib.contextmanager
def unoptimised() -> Iterator[None]:
    """Numba translates and no more: optimising and machine code are ours, and would be done twice.

    Left to itself it would make machine code of every function, with all that the function calls.
    Nobody else may compile meanwhile, since their functions would have none. These are Numba's own
    insides: where a version has not got them, compiling only takes longer.
    """
    before = config.OPT, config.LOOP_VECTORIZE, config.SLP_VECTORIZE
    nothing = {
        ("JITCodeLibrary", "_finalize_specific"): lambda library: None,
        ("JITCPUCodegen", "_add_module"): lambda codegen, module: None,
        ("JITCPUCodegen", "set_env"): lambda codegen, name, env: None,
    }
    owners = {owner: getattr(codegen, owner, None) for owner, _ in nothing}
    ours = [
        (owners[owner], name, function)
        for (owner, name), function in nothing.items()
        if all(hasattr(owners[o], n) for o, n in nothing)
    ]
    with global_compiler_lock:
        theirs = [(owner, name, getattr(owner, name)) for owner, name, _ in ours]
        config.OPT, config.LOOP_VECTORIZE, config.SLP_VECTORIZE = type(config.OPT)(0), 0, 0
        for owner, name, function in ours:
            setattr(owner, name, function)
        try:
            yield
        finally:
            config.OPT, config.LOOP_VECTORIZE, config.SLP_VECTORIZE = before
            for owner, name, function in theirs:
                setattr(owner, name, function)


def machine_code(text: str, entry: str) -> tuple[bytes, str]:
    """An object file with one symbol, and the symbol; the text is optimised for this processor."""
    module = optimised(text, entry)
    called = set(re.findall(r"call [^\n]*@([\w.]+)\(", str(module)))
    outside = {f.name for f in module.functions if f.is_declaration} & called
    wrong = {name for name in outside if not name.startswith("llvm.") and name not in LIBRARY}
    if wrong:
        raise RuntimeError(
            f"the kernel needs {', '.join(sorted(wrong))}: it can raise an error, or asks for "
            f"memory, and a kernel must do neither (a range with a step that may be 0 raises)"
        )
    return target_machine().emit_object(module), entry


_UNCOUNTED = r"\1ptr %counted) alwaysinline {\n  ret void\n}"


def optimised(text: str, entry: str) -> Any:
    """LLVM's module with everything but the entry internal, optimised."""
    # Numba counts references to arrays; a kernel's arrays are views of memory that others own.
    text = re.sub(
        r"(define [^\n]*@NRT_(?:inc|dec)ref\()[^\n]*\{.*?\n\}", _UNCOUNTED, text, flags=re.S
    )
    # The C library's square root may set errno, and so stays a call; the processor's has the same
    # value.
    text = text.replace("@sqrtf(", "@llvm.sqrt.f32(").replace("@sqrt(", "@llvm.sqrt.f64(")
    module = llvm.parse_assembly(text)
    for function in module.functions:
        if not function.is_declaration and function.name != entry:
            function.linkage = "internal"
    for variable in module.global_variables:
        if not variable.is_declaration and variable.linkage != llvm.Linkage.internal:
            variable.linkage = "internal"
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = True
    passes = llvm.create_pass_builder(target_machine(), options)
    passes.getModulePassManager().run(module, passes)
    return module
