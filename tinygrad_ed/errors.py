"""The errors of the engine: each says what happened, where, and what to do."""


class ShapeError(ValueError):
    """Shapes that do not fit together; the message names every shape involved."""


class DTypeError(TypeError):
    """Number types that do not fit together, or that cannot carry a gradient."""


class DeviceError(RuntimeError):
    """A device that is unknown or unusable, or two devices in one op."""


class CaptureError(RuntimeError):
    """A step that cannot be captured as a program, or does not compute the same each time."""


class TapeError(RuntimeError):
    """A reading of the tape that would be wrong: used twice, changed since, or not recorded."""


class StaleGradientWarning(UserWarning):
    """A new gradient was added to one that an optimiser had used already: zero_grad forgotten."""


class LogitsWarning(UserWarning):
    """A softmax or sigmoid output was fed into a loss that applies it itself [D1-P1]."""
