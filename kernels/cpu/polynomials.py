"""What the elementary functions are made of: multiply-add, polynomials, exponents, coefficients.

The functions of `elementary` give the same bits wherever they are inlined, whatever flags their
caller has, in a vector loop and in its scalar remainder. So nothing is left to the compiler's
taste: multiply-adds are written out as `fma`, and no fast-math flag is set (`EXACT`).
"""

import platform
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import config, extending, types

# Untyped, because Numba's own hints count the typing context among a call's arguments.
intrinsic: Any = extending.intrinsic
tuple_of: Any = types.Tuple

EXACT: Any = {
    # All three are named, since what is left out would be taken over from the caller.
    "error_model": "numpy",
    "fastmath": False,
    "no_cpython_wrapper": True,  # only kernels call them
    "no_cfunc_wrapper": True,
    "forceinline": True,  # a call in its body keeps a loop from becoming vector code
}


def _has_multiply_add() -> bool:
    """Whether the processor that is compiled for has a multiply-add instruction."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True  # every 64-bit ARM has one
    if getattr(config, "CPU_NAME", None):  # Numba was told to compile for another processor
        return "+fma" in (getattr(config, "CPU_FEATURES", None) or "").split(",")
    return bool(llvm.get_host_cpu_features().get("fma", False))


HAS_FMA = _has_multiply_add()


def _multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """One rounding, or two on old processors, where one would be a slow library call."""
    if HAS_FMA:
        return builder.fma(a, b, c)
    return builder.fadd(builder.fmul(a, b), c)


@intrinsic
def fma(typing_context, a, b, c):  # type: ignore[no-untyped-def]
    """a b + c in one rounding."""

    def generate(context, builder, signature, operands):  # type: ignore[no-untyped-def]
        return _multiply_add(builder, *operands)

    return (a(a, a, a), generate) if a == b == c else None


@intrinsic
def polynomial(typing_context, x, coefficients):  # type: ignore[no-untyped-def]
    """Σ c_k x^k by Horner's rule, unrolled, for a tuple of coefficients, the constant first."""

    def generate(context, builder, signature, operands):  # type: ignore[no-untyped-def]
        x, table = operands
        y = builder.extract_value(table, len(coefficients) - 1)
        for k in reversed(range(len(coefficients) - 1)):
            y = _multiply_add(builder, y, x, builder.extract_value(table, k))
        return y

    return (x(x, coefficients), generate) if coefficients.dtype == x else None


def _layout(real: Any) -> tuple[Any, int, int]:
    """The integer type of a float's size, the length of its fraction in bits, and its bias."""
    return (types.int32, 23, 127) if real == types.float32 else (types.int64, 52, 1023)


@intrinsic
def lowest_bits(typing_context, shifted, shift):  # type: ignore[no-untyped-def]
    """n of the float shift + n, as an integer of the float's size."""
    integer, _, _ = _layout(shifted)

    def generate(context, builder, signature, operands):  # type: ignore[no-untyped-def]
        number = ir.IntType(shifted.bitwidth)
        return builder.sub(*(builder.bitcast(operand, number) for operand in operands))

    return (integer(shifted, shift), generate) if shifted == shift else None


def _resized(builder: Any, k: Any, bitwidth: int) -> Any:
    """An integer cut to the float's size: in Numba, arithmetic on int32 gives int64."""
    number = ir.IntType(bitwidth)
    return k if k.type == number else builder.trunc(k, number)


@intrinsic
def halves(typing_context, k):  # type: ignore[no-untyped-def]
    """Two integers of k's type that add up to k and differ by at most 1.

    Not `k >> 1`, which would work on twice as many bits and so on half as many numbers at a time.
    """

    def generate(context, builder, signature, operands):  # type: ignore[no-untyped-def]
        half = builder.ashr(operands[0], operands[0].type(1))
        parts = half, builder.sub(operands[0], half)
        return context.make_tuple(builder, signature.return_type, parts)

    return tuple_of((k, k))(k), generate


@intrinsic
def power_of_two(typing_context, k, like):  # type: ignore[no-untyped-def]
    """2^k in the type of `like`, for the exponents of normal numbers."""
    _, fraction, bias = _layout(like)

    def generate(context, builder, signature, operands):  # type: ignore[no-untyped-def]
        number = ir.IntType(like.bitwidth)
        exponent = builder.add(_resized(builder, operands[0], like.bitwidth), number(bias))
        return builder.bitcast(builder.shl(exponent, number(fraction)), operands[1].type)

    return like(k, like), generate


@intrinsic
def to_real(typing_context, k, like):  # type: ignore[no-untyped-def]
    """The integer k as a float of the type of `like`."""

    def generate(context, builder, signature, operands):  # type: ignore[no-untyped-def]
        k = _resized(builder, operands[0], like.bitwidth)
        return builder.sitofp(k, operands[1].type)

    return like(k, like), generate


@intrinsic
def split(typing_context, x):  # type: ignore[no-untyped-def]
    """(k, m) with x = 2^k m and √½ <= m < √2, for a positive normal x; k an integer."""
    integer, fraction, bias = _layout(x)
    below_one = 0x4AFB0D if fraction == 23 else 0x95F619980C433  # bits of 1 less those of √½

    def generate(context, builder, signature, operands):  # type: ignore[no-untyped-def]
        number = ir.IntType(x.bitwidth)
        # Moved up, so that the exponent changes at √2 instead of at 2.
        moved = builder.add(builder.bitcast(operands[0], number), number(below_one))
        k = builder.sub(builder.ashr(moved, number(fraction)), number(bias))
        rest = builder.and_(moved, number((1 << fraction) - 1))
        m = builder.add(rest, number((bias << fraction) - below_one))
        parts = k, builder.bitcast(m, operands[0].type)
        return context.make_tuple(builder, signature.return_type, parts)

    return tuple_of((integer, x))(x), generate


@intrinsic
def with_sign(typing_context, x, sign):  # type: ignore[no-untyped-def]
    """|x| with the sign of the other number."""

    def generate(context, builder, signature, operands):  # type: ignore[no-untyped-def]
        real = operands[0].type
        copysign = builder.module.declare_intrinsic(
            "llvm.copysign", [real], ir.FunctionType(real, [real, real])
        )
        return builder.call(copysign, operands)

    return (x(x, sign), generate) if x == sign else None


class Constants(NamedTuple):
    """The numbers of one float type. Polynomials: largest relative error left in the function."""

    zero: Any
    half: Any
    one: Any
    two: Any
    inf: Any
    nan: Any
    log2_e: Any
    ln2_high: Any
    """ln 2, so short that its product with any exponent is exact."""
    ln2_low: Any
    shift: Any
    """Adding it leaves the nearest whole number in the lowest bits."""
    exp_low: Any
    """Below it e^x rounds to 0."""
    exp_high: Any
    """Above it e^x rounds to infinity."""
    expm1_low: Any
    """Below it e^x - 1 rounds to -1."""
    smallest_normal: Any
    grow: Any
    """A power of two that makes every denormal number normal."""
    grow_exponent: Any
    tanh_near: Any
    """Below it tanh x is a polynomial."""
    expm1: Any
    """(e^r - 1 - r) / r² for |r| <= ln 2 / 2."""
    log: Any
    """(2 atanh(√z)/√z - 2) / z for z up to that of √2: log1p f = 2 s + s z R(z), z = s²."""
    tanh: Any
    """(tanh(√z)/√z - 1) / z for √z <= 0.56."""


def _constants(real: Any, **numbers: Any) -> Constants:
    return Constants(
        **{
            name: tuple(map(real, value)) if isinstance(value, tuple) else real(value)
            for name, value in numbers.items()
        }
    )


# Minimax polynomials by the exchange algorithm of Remez in 50 digits, then rounded.
SINGLE = _constants(
    np.float32,
    zero=0,
    half=0.5,
    one=1,
    two=2,
    inf=np.inf,
    nan=np.nan,
    log2_e=1.4426950408889634,
    ln2_high=0.693359375,
    ln2_low=-2.12194440e-4,
    shift=1.5 * 2.0**23,
    exp_low=-104,
    exp_high=89,
    expm1_low=-18,
    smallest_normal=2.0**-126,
    grow=2.0**25,
    grow_exponent=25,
    tanh_near=0.55,
    # 2^-32
    expm1=(0.5, 0.16666666, 0.04166636, 0.00833339, 0.0013940668, 0.00019845882),
    # 2^-37.6
    log=(0.6666666, 0.40000337, 0.2853717, 0.23584987),
    # 2^-29.6
    tanh=(-0.33333316, 0.133325, -0.05384228, 0.021027219, -0.0062074303),
)
DOUBLE = _constants(
    np.float64,
    zero=0,
    half=0.5,
    one=1,
    two=2,
    inf=np.inf,
    nan=np.nan,
    log2_e=1.4426950408889634,
    ln2_high=0.693147180559663,
    ln2_low=2.8235290563031577e-13,
    shift=1.5 * 2.0**52,
    exp_low=-746,
    exp_high=710,
    expm1_low=-38,
    smallest_normal=2.0**-1022,
    grow=2.0**54,
    grow_exponent=54,
    tanh_near=0.55,
    # 2^-61.7
    expm1=(
        0.5,
        0.16666666666666677,
        0.041666666666666505,
        0.008333333333321653,
        0.0013888888888962604,
        0.0001984126988607358,
        2.4801587172231754e-05,
        2.7557244254051707e-06,
        2.755740277430369e-07,
        2.5109024513229486e-08,
        2.08753293134875e-09,
    ),
    # 2^-59.5
    log=(
        0.6666666666666735,
        0.3999999999940748,
        0.28571428744142713,
        0.22222198378343286,
        0.1818357517238574,
        0.15313755584042957,
        0.1479906785989836,
    ),
    # 2^-60
    tanh=(
        -0.33333333333333287,
        0.13333333333324252,
        -0.053968253962354495,
        0.021869488344813996,
        -0.008863231916940282,
        0.0035920850035524757,
        -0.001455496928369841,
        0.0005882530188282418,
        -0.00023288841927467227,
        8.260175434739675e-05,
        -1.904903092221447e-05,
    ),
)
