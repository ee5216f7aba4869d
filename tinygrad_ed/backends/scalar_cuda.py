"""The text of a scalar loop in CUDA C++: a struct of operands, a device function, its kernel.

    struct SigmoidForward {
      Flat<const float> z_;
      Flat<float> y_;
    };

    static __device__ void sigmoid_forward(const SigmoidForward& o) {
      struct Entry { float z; };
      each_entry(
          o.z_.size,
          [&](long long i) { return Entry{o.z_[i]}; },
          [&](long long i, Entry entry) {
            auto [z] = entry;
            float e = exp(-fabs(z));
            o.y_[i] = (z >= 0.0f ? 1.0f : e) / (1.0f + e);
          });
    }

`each_entry` (`kernels/cuda/elementary.cuh`) divides the entries among threads; what is read of one
and what is done with it are apart, so that it can have several on their way.
"""

import re
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from .scalar_body import Array, Body, Operand
from .scalar_cpp import CPP, FUNCTIONS, Cpp, Expressions, converted
from .scalar_lines import Line, Names
from .scalar_types import NotElementwise

HEADERS = ("operands.cuh", "elementary.cuh")

WORDS = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t
char32_t class compl const
constexpr const_cast continue decltype default delete do double dynamic_cast else enum explicit
export extern false float for friend goto if inline int long mutable namespace new noexcept not
not_eq nullptr operator or or_eq private protected public register reinterpret_cast return short
signed sizeof static static_assert static_cast struct switch template this thread_local throw true
try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq
o Entry entry Place place each_entry infinity not_a_number max min first_entry next_entry Flat
Labels Mask Int Real Matrix Work Scratch Stop stop stopped threadIdx blockIdx blockDim gridDim
warpSize errno
""".split()  # noqa: SIM905
"""Names that a variable must not have in C++."""
MEMBERS = {"real": "Real", "int": "Int"}


def cuda_text(kernel: str, operands: Sequence[Operand], body: Body) -> str:
    """A text with one kernel, called `{kernel}_kernel`, that includes the headers it needs.

    Args:
        kernel: What the device function is called.
        operands: Everything that it takes, in order.
        body: What it does.

    Raises:
        NotElementwise: A type or a function has no counterpart in CUDA.
    """
    return _Text(kernel, operands, body).whole()


def identifier(name: str, names: Names) -> str:
    """A free name in C++ that is like this one, without letters that not every compiler knows, and
    without underscores where C++ keeps them for itself. Names of capitals may be macros.
    """
    plain = re.sub(r"[^A-Za-z0-9_]", lambda letter: f"u{ord(letter[0]):x}", name)
    plain += "_" if re.fullmatch(r"[A-Z][A-Z0-9_]{2,}", plain) else ""
    return names.fresh(re.sub(r"__+", "_", f"u{plain}" if plain.startswith("_") else plain))


class _Text:
    """What is known while a text is written."""

    def __init__(self, kernel: str, operands: Sequence[Operand], body: Body) -> None:
        self.operands, self.body = operands, body
        self.names = Names([*WORDS, *FUNCTIONS.values()])
        self.function = identifier(kernel, self.names)
        words = self.function.split("_")
        self.struct = self.names.fresh("".join(word[:1].upper() + word[1:] for word in words))
        members = Names([*WORDS, *FUNCTIONS.values()])
        self.members = {o.argument: identifier(o.argument, members) for o in operands}
        self.dtypes = {o.argument: _type(o.dtype) for o in operands if o.dtype}
        self.expressions = Expressions(_type(body.dtype.name))

    def whole(self) -> str:
        """The text."""
        function, struct = self.function, self.struct
        changes = any(o.kind == "inout" for o in self.operands)
        lines = [
            *(f'#include "{header}"' for header in HEADERS),
            "",
            f"struct {struct} {{",
            *(f"  {self._member(o)} {self.members[o.argument]};" for o in self.operands),
            *(["  Stop stop;"] if changes else []),
            "};",
            "",
            f"static __device__ void {function}(const {struct}& o) {{",
            *(["  if (stopped(o.stop)) return;"] if changes else []),
            *(f"  {line}" for line in [*self._before(), *self._loop()]),
            "}",
            f"__global__ void {function}_kernel({struct} o) {{ {function}(o); }}",
        ]
        return "\n".join(lines) + "\n"

    def _member(self, operand: Operand) -> str:
        if operand.kind in MEMBERS:
            return MEMBERS[operand.kind]
        const = "const " if operand.kind == "in" else ""
        return f"Flat<{const}{self.dtypes[operand.argument]}>"

    def _declared(self, name: str, type: str) -> str:
        """A new variable for what the loop calls `name`; gives what C++ calls it."""
        called = identifier(name, self.names)
        self.expressions.variables[name] = Cpp(called, type)
        return called

    def _lines(self, lines: Sequence[Line]) -> list[str]:
        """Assignments; the first one to a name declares it."""
        written = []
        for line in lines:
            value = self.expressions.of(line.value)
            known = self.expressions.variables.get(line.target)
            if known is None:
                written.append(f"{value.type} {self._declared(line.target, value.type)} = ")
            else:
                value = converted(value, known.type)
                written.append(f"{known.text} = ")
            written[-1] += f"{value.text};"
        return written

    def _before(self) -> list[str]:
        """What is the same for all entries: numbers, and arrays that have one."""
        found = []
        for operand in self.operands:
            if operand.kind in MEMBERS:
                type = "double" if operand.kind == "real" else "long long"
                member = self.members[operand.argument]
                found.append(f"{type} {self._declared(operand.argument, type)} = o.{member};")
        found += self._lines(self.body.before)
        for array in self.body.arrays:
            if array.pattern == "scalar":
                type = self.dtypes[array.argument]
                called = self._declared(array.variable, type)
                found.append(f"{type} {called} = o.{self.members[array.argument]}[0];")
        return found

    def _loop(self) -> list[str]:
        arrays, members = self.body.arrays, self.members
        read = [a for a in arrays if a.variable and a.pattern != "scalar"]
        whole = members[next(a.argument for a in arrays if a.pattern == "full")]
        i = self.names.fresh("i")
        width, at = self.names.fresh("width"), self.names.fresh("at")
        places = {"full": i, "row": f"{at}.column", "column": f"{at}.row"}
        cut = {a.pattern for a in arrays} & {"row", "column"}
        types = [self.dtypes[a.argument] for a in read]
        called = [self._declared(a.variable, t) for a, t in zip(read, types, strict=True)]
        groups = groupby(zip(types, called, strict=True), key=itemgetter(0))
        fields = " ".join(f"{t} {', '.join(c for _, c in group)};" for t, group in groups)
        values = ", ".join(f"o.{members[a.argument]}[{places[a.pattern]}]" for a in read)
        place = f"Place {at} = place({i}, {width}); " if cut else ""
        lines = [f"auto [{', '.join(called)}] = entry;"] if read else []
        lines += self._lines(self.body.inside)
        for store in self.body.stores:
            value = converted(self.expressions.of(store.value), self.dtypes[store.argument])
            lines.append(f"o.{members[store.argument]}[{i}] = {value.text};")
        return [
            *([f"long long {width} = {self._width(whole, arrays)};"] if cut else []),
            f"struct Entry {{ {fields} }};",
            "each_entry(",
            f"    o.{whole}.size,",
            f"    [&](long long {i}) {{ {place}return Entry{{{values}}}; }},",
            f"    [&](long long {i}, Entry entry) {{",
            *(f"      {line}" for line in lines),
            "    });",
        ]

    def _width(self, whole: str, arrays: Sequence[Array]) -> str:
        """How long a row is: as long as an operand that has an entry for each of its columns, or
        as many entries as there are for each one of an operand that has one for a row.
        """
        members, by = self.members, {a.pattern: a.argument for a in arrays}
        if "row" in by:
            return f"o.{members[by['row']]}.size"
        return f"o.{whole}.size / max(o.{members[by['column']]}.size, 1ll)"


def _type(dtype: str) -> str:
    """A number type in C++.

    Raises:
        NotElementwise: CUDA kernels have no such operands.
    """
    if dtype not in CPP:
        raise NotElementwise(f"{dtype} arrays have no CUDA kernels")
    return CPP[dtype]
