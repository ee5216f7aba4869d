"""Layers and a training run beside PyTorch: same values, same gradients, same start rules."""

import numpy as np
import pytest
from devices import DEVICES

import tinygrad_ed as tg
from tinygrad_ed import nn, optim

torch = pytest.importorskip("torch")
torch.set_num_threads(1)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh"])
def test_a_converted_layer_gives_torchs_values_and_gradients(activation: str, device: str) -> None:
    theirs = torch.nn.Linear(5, 3, dtype=torch.float64)
    ours = nn.Linear.from_torch_layout(
        theirs.weight.detach().numpy(),
        theirs.bias.detach().numpy(),
        activation=activation,
        dtype="float64",
        device=device,
    )
    X = np.random.default_rng(0).normal(size=(7, 5))
    expected = getattr(torch, activation)(theirs(torch.tensor(X)))
    (expected**2).sum().backward()
    A = ours(tg.tensor(X, device=device))
    (A * A).sum().backward()
    np.testing.assert_allclose(A.numpy(), expected.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(ours.W.grad.numpy().T, theirs.weight.grad.numpy(), rtol=1e-10)
    np.testing.assert_allclose(ours.b.grad.numpy(), theirs.bias.grad.numpy(), rtol=1e-10)


def test_the_torch_start_has_torchs_bounds() -> None:
    theirs = torch.nn.Linear(400, 300)
    ours = nn.Linear(400, 300, init="torch", seed=0)
    for mine, other in ((ours.W, theirs.weight), (ours.b, theirs.bias)):
        bound = np.abs(other.detach().numpy()).max()
        assert np.abs(mine.numpy()).max() == pytest.approx(bound, rel=0.01)


@pytest.mark.parametrize("device", DEVICES)
def test_fifty_steps_of_training_follow_torch(device: str) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 4)), rng.integers(2, size=(20, 1)).astype("float64")
    theirs = torch.nn.Sequential(
        torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 1)
    ).double()
    ours = nn.Sequential(
        *(
            nn.Linear.from_torch_layout(
                theirs[k].weight.detach().numpy(),
                theirs[k].bias.detach().numpy(),
                activation=activation,
                dtype="float64",
                device=device,
            )
            for k, activation in ((0, "relu"), (2, None))
        )
    )
    their_optimizer = torch.optim.Adam(theirs.parameters(), lr=0.05)
    our_optimizer = optim.Adam(ours.parameters(), lr=0.05)
    criterion = torch.nn.BCEWithLogitsLoss()
    for _ in range(50):
        their_loss = criterion(theirs(torch.tensor(X)), torch.tensor(y))
        their_optimizer.zero_grad()
        their_loss.backward()
        their_optimizer.step()
        our_loss = tg.bce_with_logits(
            ours(tg.tensor(X, device=device)), tg.tensor(y, device=device)
        )
        our_optimizer.zero_grad()
        our_loss.backward()
        our_optimizer.step()
        assert our_loss.item() == pytest.approx(their_loss.item(), rel=1e-8)
