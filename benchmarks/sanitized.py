"""Runs tests under NVIDIA's compute-sanitizer, as `gpu_validate.sh` does.

    compute-sanitizer --tool memcheck python benchmarks/sanitized.py tests/cuda/test_ladder.py

Under it every access takes many times as long, so tests that draw examples draw a few. And each
array is an allocation of its own: in CuPy's pool of memory, one array's end is another's beginning,
and a step too far would not be seen.
"""

import sys
from typing import Any

import pytest
from hypothesis import settings

EXAMPLES = 3
"""Per test that draws them."""


class FewExamples:
    """A plugin of pytest."""

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Tests say themselves how many examples they draw; here they draw fewer."""
        attribute = "_hypothesis_internal_use_settings"
        for test in {getattr(item, "obj", None) for item in items}:
            usual = getattr(test, attribute, None)
            if usual is not None:
                few = min(EXAMPLES, usual.max_examples)
                setattr(test, attribute, settings(usual, max_examples=few, deadline=None))


def main() -> int:
    """The tests' outcome."""
    import cupy

    cupy.cuda.set_allocator(None)
    return int(
        pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]], plugins=[FewExamples()])
    )


if __name__ == "__main__":
    sys.exit(main())
