"""`explain`: every printed number against NumPy, every formula against what runs."""

import ast
import os
import re
import time

import numpy as np
import pytest
from derivation import printed
from devices import each_device

import tinygrad_ed as tg
from tinygrad_ed.derivation.chain import in_one_formula
from tinygrad_ed.derivation.examples import EXAMPLES
from tinygrad_ed.derivation.expressions import is_by_entry
from tinygrad_ed.errors import ShapeError, TapeError

each_convention = pytest.mark.parametrize("convention", ["row", "column"])
each_example = pytest.mark.parametrize("example", EXAMPLES)


def sigma(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def two_layers_by_hand() -> dict[str, np.ndarray]:
    """[D3-E1] with the mended formulas [D3-B1, D3-B2], written down independently."""
    x, t = np.array([[0.5, -1.0, 2.0], [1.0, 0.5, -0.5]]), np.array([[1.0], [0.0]])
    W1, b1 = np.array([[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]]), np.array([0.1, -0.1])
    W2, b2 = np.array([[0.7], [-0.8]]), np.array([0.2])
    Z1 = x @ W1 + b1
    h = sigma(Z1)
    Z2 = h @ W2 + b2
    y = sigma(Z2)
    output_delta = (y - t) * y * (1 - y)
    hidden_delta = output_delta @ W2.T * h * (1 - h)
    return {
        "x": x, "t": t, "W1": W1, "b1": b1, "W2": W2, "b2": b2, "Z1": Z1, "h": h, "Z2": Z2, "y": y,
        "L": np.array(0.5 * ((y - t) ** 2).sum()), "dL": np.array(1.0), "dy": y - t,
        "dZ2": output_delta, "dh": output_delta @ W2.T, "dW2": h.T @ output_delta,
        "db2": output_delta.sum(0), "dZ1": hidden_delta, "dW1": x.T @ hidden_delta,
        "db1": hidden_delta.sum(0),
    }  # fmt: skip


def in_convention(array: np.ndarray, convention: str) -> np.ndarray:
    if convention == "row" or array.ndim == 0:
        return array
    return array.T if array.ndim == 2 else array[:, None]


@each_convention
def test_D3_E1_every_printed_number_is_that_of_the_mended_formulas(convention: str) -> None:
    expected = {k: in_convention(v, convention) for k, v in two_layers_by_hand().items()}
    derivation = tg.explain(EXAMPLES["two-layers"].build(), convention=convention)
    assert [step.name for step in derivation] == [
        "Z1", "h", "Z2", "y", "L", "dL", "dy", "dZ2", "dh", "dW2", "db2", "dZ1", "dW1", "db1",
    ]  # fmt: skip
    for step in derivation:
        np.testing.assert_allclose(step.value, expected[step.name], rtol=1e-14, atol=1e-16)
    text = derivation.text()
    arrays = printed.arrays(text)
    assert len(arrays) >= 18  # six leaves, and what is computed from them
    for name, values in arrays:
        np.testing.assert_allclose(values, expected[name], atol=6e-5, err_msg=name)
    entries = printed.entries(text)
    assert {name for name, *_ in entries} >= {"Z1", "h", "y", "L", "dZ2", "dW2", "dW1", "db1"}
    for name, place, _, value in entries:
        assert value == pytest.approx(expected[name][place], rel=6e-4), (name, place)


def test_D3_E1_shows_where_the_transpose_comes_from() -> None:
    loss = EXAMPLES["two-layers"].build()
    derivation = tg.explain(loss, wrt="W1", entry=(2, 0))
    step = derivation["dW1"]
    assert step.entry is not None and step.entry.place == (2, 0)
    assert "column 2" in step.entry.meets["x"] and "column 0" in step.entry.meets["dZ1"]
    by_hand = two_layers_by_hand()
    terms = by_hand["x"][:, 2] * by_hand["dZ1"][:, 0]
    assert step.entry.value == pytest.approx(terms.sum(), rel=1e-13)
    assert "X" not in derivation.inputs and {s.name for s in derivation} & {"db1", "dW2"} == set()


@each_convention
@each_example
def test_each_example_computes_what_the_tape_does(example: str, convention: str) -> None:
    loss = EXAMPLES[example].build()
    derivation = tg.explain(loss, convention=convention)
    leaves = {t.name: t for node in [loss] for t in _leaves(node)}
    assert set(derivation.gradients) == {k for k, t in leaves.items() if t.requires_grad}
    loss.backward()
    for name, gradient in derivation.gradients.items():
        shown = [s for s in derivation if s.name == gradient][-1].value
        exact = leaves[name].grad.numpy()
        np.testing.assert_allclose(shown, in_convention(exact, convention), rtol=1e-12, atol=1e-15)
    for render in (derivation.text, derivation.json, derivation.latex, derivation.html):
        assert render()


def _leaves(root: tg.Tensor) -> list[tg.Tensor]:
    found, todo = {}, [root]
    while todo:
        node = todo.pop()
        if node.op is None:
            found[id(node)] = node
        else:
            todo += [s for s in node._sources if isinstance(s, tg.Tensor)]
    return list(found.values())


@each_example
def test_the_gradient_in_one_formula_is_the_gradient(example: str) -> None:
    derivation = tg.explain(EXAMPLES[example].build())
    for leaf, gradient in derivation.gradients.items():
        code = ast.fix_missing_locations(ast.Expression(in_one_formula(derivation, leaf)))
        value = eval(compile(code, "", "eval"), dict(derivation.scope))
        exact = [s for s in derivation if s.name == gradient][-1].value
        np.testing.assert_allclose(value, exact, rtol=1e-12)
        assert derivation.chain(leaf).startswith("∂L/∂")


@each_example
def test_the_column_convention_runs_on_transposed_matrices(example: str) -> None:
    derivation = tg.explain(EXAMPLES[example].build(), convention="column")
    for step in derivation:
        here = {"np": np, **derivation.scope, **step.inputs}
        exec(step.code, here)
        value = np.asarray(here[step.name])
        np.testing.assert_allclose(value, step.value, rtol=1e-12, atol=1e-15)


def test_numbers_substituted_by_entry_give_the_entry() -> None:
    derivation = tg.explain(EXAMPLES["logistic"].build())
    checked = 0
    for step in derivation:
        if step.entry is None or not is_by_entry(step.shown):
            continue
        checked += 1
        place = step.entry.place
        here = {k: np.broadcast_to(v, step.value.shape)[place] for k, v in step.inputs.items()}
        code = compile(ast.fix_missing_locations(ast.Expression(step.shown)), "", "eval")
        assert eval(code, {"np": np, **here}) == pytest.approx(step.entry.value, rel=1e-12)
    assert checked


def test_second_derivatives() -> None:
    x, w = 0.7, 0.4
    leaf = tg.tensor(np.array(w), requires_grad=True, name="w")
    loss = tg.sin(leaf * x)
    derivation = tg.explain(loss, wrt=leaf, order=2)
    last = [s for s in derivation if s.name == derivation.gradients["w"]][-1]
    assert last.value == pytest.approx(-x * x * np.sin(w * x), rel=1e-12)
    with pytest.raises(ShapeError, match="entry="):
        tg.explain(EXAMPLES["two-layers"].build(), wrt="W1", order=2)


def test_the_tape_stays_as_it_is_and_the_numbers_stay_those_of_the_run() -> None:
    loss = EXAMPLES["neuron"].build()
    derivation = tg.explain(loss)
    w = next(t for t in _leaves(loss) if t.name == "w")
    before = derivation["dw"].value.copy()
    loss.backward()
    tg.optim.SGD([w], lr=0.1).step()
    np.testing.assert_array_equal(derivation["dw"].value, before)
    assert derivation.inputs["w"][0, 0] == 0.8
    with pytest.raises(TapeError, match=r"changed in place by SGD\.step"):
        tg.explain(loss)


@each_device
def test_a_network_on_any_device_inside_no_grad(device: str) -> None:
    model = tg.nn.Sequential(tg.nn.Linear(3, 4, activation="relu"), tg.nn.Linear(4, 2)).to(device)
    X = tg.tensor(np.ones((5, 3), np.float32), device=device)
    loss = tg.cross_entropy(model(X), tg.tensor(np.zeros(5, int), device=device))
    with tg.no_grad():
        derivation = tg.explain(loss)
    loss.backward()
    for p in model.parameters():
        shown = [s for s in derivation if s.name == derivation.gradients[_known(derivation, p)]]
        np.testing.assert_allclose(shown[-1].value, p.grad.numpy(), rtol=1e-5, atol=1e-6)


def _known(derivation, p) -> str:
    return next(
        k for k in derivation.gradients if np.array_equal(derivation.inputs[k], p.numpy())
        and derivation.inputs[k].shape == p.shape
    )  # fmt: skip


def test_a_graph_of_200_nodes_is_explained(request: pytest.FixtureRequest) -> None:
    x = tg.tensor(np.full((3, 3), 0.3), requires_grad=True, name="x")
    h = x
    for _ in range(50):
        h = tg.tanh(h @ x + x) * 0.5
    start = time.perf_counter()
    derivation = tg.explain(h.sum())
    text = derivation.text()
    assert len(derivation) > 400 and text.count("\n") > 1000
    if os.environ.get("TINYGRAD_ED_SHOW_TIMES"):
        print(f"{len(derivation)} steps in {time.perf_counter() - start:.2f} s")


def test_mistakes_are_answered_with_what_to_do() -> None:
    loss = EXAMPLES["two-layers"].build()
    with pytest.raises(TapeError, match="recorded result"):
        tg.explain(tg.tensor([1.0]))
    with pytest.raises(TapeError, match=r"wrt is one of .*W1"):
        tg.explain(loss, wrt="W9")
    with pytest.raises(TapeError, match="no gradient flows to t"):
        tg.explain(loss, wrt="t")
    with pytest.raises(ShapeError, match="no entry"):
        tg.explain(loss, wrt="W1", entry=(3, 0))
    with pytest.raises(ValueError, match="say which with wrt="):
        tg.explain(loss, entry=(0, 0))
    with pytest.raises(ValueError, match="'row', 'column'"):
        tg.explain(loss, convention="rows")
    with pytest.raises(KeyError, match="no step computes 'dW9'"):
        tg.explain(loss)["dW9"]
    with pytest.raises(TypeError, match="optimiser"):
        tg.explain(3)  # type: ignore[arg-type]


def test_show_prints_the_text_in_colours_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    derivation = tg.explain(EXAMPLES["neuron"].build())
    derivation.show()
    assert capsys.readouterr().out == derivation.text()
    monkeypatch.setenv("FORCE_COLOR", "1")
    derivation.show()
    coloured = capsys.readouterr().out
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == derivation.text()
