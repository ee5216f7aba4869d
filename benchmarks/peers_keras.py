"""Keras: `model.fit`, an epoch a call, on the back end that Keras is configured for."""

import importlib
from typing import Any

from worker import Job, SkipCase
from workloads import CASES, Case, branch_parameters, data, first_weights

keras: Any = importlib.import_module("keras")


def network(case: Case) -> Any:
    """Dense layers with dropout between them; the logits come out."""
    layers: list[Any] = [keras.layers.Input((case.sizes[0],))]
    for units in case.sizes[1:-1]:
        layers.append(keras.layers.Dense(units, activation=case.hidden))
        layers += [keras.layers.Dropout(case.dropout)] if case.dropout else []
    return keras.Sequential([*layers, keras.layers.Dense(case.sizes[-1])])


def branches(case: Case) -> Any:
    """Network h: a layer that is called twice shares its weights, so its biases stand apart."""
    inputs, width, _, outputs = case.sizes
    layers = keras.layers

    class Bias(layers.Layer):  # type: ignore[misc, name-defined]
        def build(self, shape: Any) -> None:
            self.bias = self.add_weight(shape=(width,), initializer="zeros")

        def call(self, Z: Any) -> Any:
            return Z + self.bias

    X = layers.Input((inputs,))
    tanh, S = layers.Activation("tanh"), layers.Dense(width, use_bias=False)
    u = layers.Dense(width, activation="tanh")(X)
    left = tanh(Bias()(S(u)))
    right = layers.Dense(width, activation="tanh")(u)
    joined = layers.Add()([layers.Multiply()([left, right]), u])
    return keras.Model(X, layers.Dense(outputs)(tanh(Bias()(S(joined)))))


def train_step(name: str, mode: str) -> Job:
    """An epoch of steps, shuffled."""
    case = CASES[name]
    model = branches(case) if case.branches else network(case)
    if case.branches:
        if len(model.get_weights()) != len(branch_parameters(case)):
            raise SkipCase("the network came out with other weights")
    else:
        model.set_weights(first_weights(case))
    loss = {
        "bce": lambda: keras.losses.BinaryCrossentropy(from_logits=True),
        "ce": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "mse": lambda: keras.losses.MeanSquaredError(),
    }[case.loss]()
    kind = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[case.optimizer]
    model.compile(optimizer=kind(learning_rate=case.lr), loss=loss)
    X, y = data(case)

    def step(i: int) -> None:
        model.fit(X, y, batch_size=case.batch, epochs=1, verbose=0)

    return Job(step, per_call=case.batches, warm=1)
