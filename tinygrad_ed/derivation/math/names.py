"""The names of a program as symbols: `Z1` is Z with index 1, `dW1` the gradient of the loss in W1.

`Symbols` says what each name is; `Form` is how it is written, in parts, for every alphabet.
"""

import functools
import re
from collections import ChainMap, Counter
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace

from .shapes import Shape

GREEK = {
    **{"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ"},
    **{"eta": "η", "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν"},
    **{"xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ"},
    **{"chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ"},
    **{"Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ"},
    **{"Psi": "Ψ", "Omega": "Ω"},
}
"""Letters by their names in LaTeX; a capital Alpha looks like an A and stays a word."""

LETTERS = {letter: name for name, letter in GREEK.items()}


@dataclass(frozen=True)
class Form:
    """How a name is written.

    Attributes:
        base: One letter (Greek ones as such), or a word.
        below: The parts of its index: Z1 has ("1",), x_i has ("i",).
        gradient: Written with a d before it.
        above: Which contribution to a gradient this is: "2" for the second, "wide" for one that is
            still to be summed over broadcast axes.
        plain: The name in the program.
    """

    base: str
    below: tuple[str, ...] = ()
    gradient: bool = False
    above: str = ""
    plain: str = field(default="", compare=False)

    @property
    def look(self) -> str:
        """The same for what looks the same: a leaf dZ and the gradient of Z."""
        parts = "_".join([f"{'d' if self.gradient else ''}{self.base}", *self.below])
        if self.above.isdigit():
            return f"{parts}({self.above})"
        return f"{parts}_{self.above.replace(' ', '_')}" if self.above else parts


@functools.cache
def form_of(name: str) -> Form:
    """Splits a name: Z1, W_1, delta2, x_i, tail_2 have an index; zero_chance stays one word."""
    first, *rest = name.split("_")
    found = re.fullmatch(r"(\D+?)(\d*)", first)
    if found is None or not all(rest):
        return Form(name, plain=name)
    base = GREEK.get(found[1], found[1])
    below = tuple(part for part in (found[2], *rest) if part)
    counted = all(part.isascii() and part.isdigit() for part in below)
    if below and not counted and (len(base) > 1 or not all(p.isalnum() for p in below)):
        return Form(name, plain=name)
    return Form(base, below, plain=name)


@dataclass(frozen=True)
class Symbols:
    """What the names of a program are.

    Attributes:
        shapes: Of each name its shape, or only its rank: 0 a number, 1 a vector, 2 a matrix. It
            decides between a ⊙ b (entry by entry) and a · b. A name that is not here counts as an
            array.
        gradients: Of each gradient the name it belongs to: {"dW1": "W1", "dW1_2": "W1"}.
        labels: What a name is called to the reader where that is not the name itself.
        loss: What the gradients are gradients of.
        full: Writes ∂L/∂W1 for dW1.
        count: What a mean divides by, if it has a letter: "m" writes 1/m Σ x. Otherwise the number
            is written where the shape tells it, else mean(x).
    """

    shapes: Mapping[str, Shape | int] = field(default_factory=dict)
    gradients: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    loss: str = "L"
    full: bool = False
    count: str = ""

    def shape(self, name: str) -> Shape | None:
        """The shape of a name, None in the places that are not known; None if nothing is."""
        known = self.shapes.get(name)
        return (None,) * known if isinstance(known, int) else known

    def knowing(self, name: str, shape: Shape | None) -> "Symbols":
        """These symbols and one more, a local variable; with no shape it counts as an array."""
        if shape is None:
            shapes = {k: v for k, v in self.shapes.items() if k != name}
        else:
            shapes = {**self.shapes, name: shape}
        return replace(self, shapes=shapes)

    def forms(self, names: Iterable[str] = ()) -> MutableMapping[str, Form]:
        """How each name is written, these included; no two alike.

        Of two names that would look alike (`W1` and `W_1`) the later one is written as it stands.
        """
        found: dict[str, Form] = {}
        for name in dict.fromkeys(names):
            if name not in self._declared:
                form = self._form(name)
                double = form.look in {*self._taken, *(f.look for f in found.values())}
                found[name] = Form(name, plain=name) if double else form
        return ChainMap(found, self._declared) if found else self._declared

    @functools.cached_property
    def _declared(self) -> dict[str, Form]:
        found: dict[str, Form] = {}
        taken: set[str] = set()
        for name in [self.loss, *self.shapes, *self.gradients.values(), *self.gradients]:
            if name not in found:
                form = self._form(name)
                found[name] = Form(name, plain=name) if form.look in taken else form
                taken.add(form.look)
        return found

    @functools.cached_property
    def _taken(self) -> frozenset[str]:
        return frozenset(form.look for form in self._declared.values())

    @functools.cached_property
    def _parts(self) -> Counter[str]:
        """How many names each gradient has."""
        return Counter(self.gradients.values())

    @functools.cached_property
    def letters(self) -> frozenset[str]:
        """The letters and words in use as names."""
        return frozenset(form.base for form in self._declared.values())

    def _form(self, name: str) -> Form:
        of = self.gradients.get(name)
        if of is None or name in self.labels or not name.startswith(f"d{of}"):
            return form_of(self.labels.get(name, name))
        above = name.removeprefix(f"d{of}").strip("_").replace("_", " ")
        if above.isdigit() and self._parts[of] == 1:
            above = ""  # the number only tells it from another name
        form = form_of(self.labels.get(of, of))
        return replace(form, gradient=True, above=above, plain=f"d{form.plain}")
