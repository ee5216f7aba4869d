"""The pictures show the numbers of the report: its curves, its rows, and where P is one half."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_ed.data import breast_cancer, moons
from tinygrad_ed.train.binary import Report, train_binary
from tinygrad_ed.train.scoring import predict

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from tinygrad_ed.train.plot import decision_boundary, loss_curves, plot


@pytest.fixture(scope="module")
def plane() -> Report:
    return train_binary(moons(120), device="numpy", epochs=40, lr=0.01, progress=False)


def axes() -> Any:
    return Figure().subplots()


def test_the_curves_are_the_histories_losses(plane: Report) -> None:
    panel = axes()
    loss_curves(panel, plane)
    train, test = panel.get_lines()
    np.testing.assert_array_equal(train.get_xdata(), np.arange(1, 41))
    np.testing.assert_array_equal(train.get_ydata(), plane.history["loss"])
    np.testing.assert_array_equal(test.get_ydata(), plane.history["val_loss"])


def test_every_row_is_drawn_once_in_the_tables_own_units(plane: Report) -> None:
    panel = axes()
    decision_boundary(panel, plane)
    drawn = np.concatenate([np.asarray(c.get_offsets()) for c in panel.collections[-4:]])
    expected = moons(120).X
    assert drawn.shape == expected.shape
    order = [np.lexsort(points.T) for points in (drawn, expected)]
    np.testing.assert_allclose(drawn[order[0]], expected[order[1]], atol=1e-5)


def test_the_line_is_where_the_probability_is_one_half(plane: Report) -> None:
    panel = axes()
    decision_boundary(panel, plane)
    (line,) = (c for c in panel.collections if list(getattr(c, "levels", [])) == [0.5])
    points = np.concatenate([path.vertices for path in line.get_paths()])
    z = predict(plane.model, plane.data.scaler.transform(points))
    probability = 1 / (1 + np.exp(-z))
    np.testing.assert_allclose(probability, 0.5, atol=0.02)


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_picture_is_written_in_the_format_of_its_ending(
    plane: Report, ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"picture.{ending}"
    plot(plane, path)
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending]
    assert path.read_bytes().startswith(start)


def test_more_than_two_features_give_the_curves_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda f, path: drawn.append(f) or save(f, path))
    plot(
        train_binary(breast_cancer(), device="numpy", epochs=1, progress=False),
        tmp_path / "x.png",
    )
    assert len(drawn[0].axes) == 1


def test_a_network_that_is_sure_everywhere_has_no_line(plane: Report) -> None:
    panel = axes()
    sure = train_binary(moons(120), device="numpy", epochs=1, progress=False)
    sure.model.load_state_dict(
        {path: np.full_like(v, path == "2.b") for path, v in sure.model.state_dict().items()}
    )
    decision_boundary(panel, sure)
    assert not any(list(getattr(c, "levels", [])) == [0.5] for c in panel.collections)
