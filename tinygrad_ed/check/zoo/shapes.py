"""Mutants of rearrangements and of dropout: the way back is not the way back."""

from . import mutant

MUTANTS = (
    mutant(
        "reshape-f-order", "reshape.vjp", "np.reshape(dy, x.shape)",
        'np.reshape(dy, x.shape, order="F")', "places",
        """Code moved over from a language that stores columns first. The shape is right and every
        entry gets the gradient of another one.""",
    ),
    mutant(
        "transpose-same-axes", "transpose.vjp", "inverse_of(axes)", "axes", "transposed",
        """The axes that led there do not lead back: the inverse permutation does. For a matrix the
        two are the same, so it shows with three axes only.""", "three axes",
    ),
    mutant(
        "transpose-by-reshape", "transpose.vjp", "return np.transpose(dy)",
        "return np.reshape(dy, x.shape)", "places",
        """The shape was wrong and `reshape` mends a shape. It does not move entries.""",
    ),
    mutant(
        "swapaxes-not-back", "swapaxes.vjp", "np.swapaxes(dy, axis1, axis2)", "dy", "transposed",
        """Nothing is done on the way back, and with equal sizes nothing complains.""", "square",
    ),
    mutant(
        "flip-not-back", "flip.vjp", "np.flip(dy, axis)", "dy", "places",
        """A flip changes no number, so its gradient was thought to be the identity. Augmented
        images teach their mirror image.""",
    ),
    mutant(
        "concat-parts-swapped", "concat.vjp", "tuple(np.split(dy, ends[1:-1], axis=axis))",
        "tuple(np.split(dy, ends[1:-1], axis=axis)[::-1])", "swapped",
        """The parts come back in the wrong order. With branches of equal width each one is taught
        by the other's errors.""",
    ),
    mutant(
        "pad-from-start", "pad.vjp", "slice(k, k + n)", "slice(0, n)", "places",
        """The border is cut off at the far side only. Every pixel learns from its neighbour, as
        if the image had moved.""",
    ),
    mutant(
        "getitem-overwrites", "getitem.vjp", "return scatter(dy, index=index, shape=x.shape)",
        "out = np.zeros_like(x)\n    out[index] = dy\n    return out", "contributions",
        """`out[index] = dy` instead of adding: an entry that was picked twice keeps its last
        gradient only. An embedding table forgets all but one use of a frequent word.""",
        "repeated",
    ),
    mutant(
        "gather-overwrites", "take_along_axis.vjp",
        "return scatter_along_axis(dy, indices, axis=axis, size=x.shape[axis]), None",
        "out = np.zeros_like(x)\n    np.put_along_axis(out, indices, dy, axis)\n"
        "    return out, None",
        "contributions",
        """put_along_axis writes, it does not add. Where an index repeats along the axis, one
        contribution survives.""",
    ),
    mutant(
        "dropout-not-scaled", "dropout.vjp", "dropout(dy, p=p, seed=seed, call=call)",
        "np.where(keep_mask(x, p, seed, call), dy, 0)", "parameter-factor",
        """Forward divides by 1 - p, backward does not. Layers below a dropout learn more slowly
        the more is dropped.""",
    ),
    mutant(
        "dropout-new-mask", "dropout.vjp", "call=call)", "call=call + 1)", "other-mask",
        """A new mask is drawn in the backward pass. Units that were silent are taught for what
        others have done; the average is right, every single step is wrong.""",
    ),
    mutant(
        "dropout-never-blocks", "dropout.vjp", "dropout(dy, p=p, seed=seed, call=call)",
        "dy / (1 - p)", "not-blocked",
        """The scale is there and the mask is not: dropped units get a gradient, too. Dropout then
        regularises the forward pass only.""",
    ),
    mutant(
        "dropout-not-scaled-forward", "dropout.forward", "x / (1 - p)", "x", None,
        """The first paper scales at test time, this library at training time; here neither does.
        All signals are too weak while training and too strong afterwards.""",
    ),
)  # fmt: skip
"""Wrong rearrangements."""
