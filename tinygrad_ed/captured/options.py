"""What `tg.capture` was told."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """How a step is captured; see `capture`.

    Raises:
        ValueError: `persistent` on a device that has no such kernel.
    """

    device: str = "cpu"
    keep_grads: bool = False
    fuse: bool = True
    persistent: bool = False

    def __post_init__(self) -> None:
        if self.persistent and self.device not in ("cuda", "cuda-sim"):
            raise ValueError(
                f"capture: persistent=True is for devices cuda and cuda-sim, not {self.device!r}"
            )
