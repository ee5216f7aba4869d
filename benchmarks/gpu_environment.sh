#!/usr/bin/env bash
# A Python environment for the GPU validation, in the folder that is named: this checkout, CuPy for the
# driver, the tests' needs, and the peers where they can be had.
#
# What the calling Python has already is used from there, so a machine without a package index will do
# if it comes with CuPy, Numba and pytest.
set -euo pipefail
venv=$1
outer=${PYTHON:-python3}
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ ! -x "$venv/bin/python" ]; then
    # Without a pip of its own it has no old setuptools either, which would hide a newer one.
    "$outer" -m venv --without-pip "$venv"
    inner=$("$venv/bin/python" -c 'import site; print(site.getsitepackages()[0])')
    # --system-site-packages would look past an environment that the calling Python lives in.
    "$outer" -c 'import site; print("\n".join(site.getsitepackages()))' >"$inner/outer.pth"
fi
python=$venv/bin/python
has() { "$python" -c 'import importlib.util as u, sys; sys.exit(any(u.find_spec(n) is None for n in sys.argv[1:]))' "$@"; }
install() { "$python" -m pip install --quiet --retries 1 --timeout 10 "$@"; }

has pip || "$python" -m ensurepip
if ! has numpy numba rich pytest xdist hypothesis mpmath matplotlib; then
    install -e '.[test]'
elif ! has tinygrad_ed tinygrad_ed.kernels; then
    install --no-deps --no-build-isolation -e . || install --no-deps -e .
fi

if ! has cupy; then
    driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -n 1)
    # CUDA 13 needs a driver of the series 580 or later.
    if [ "${driver%%.*}" -ge 580 ]; then extra=cuda13; else extra=cuda12; fi
    install -e ".[$extra]"
fi

# Peers are welcome, not needed: a table names those that are missing.
has torch || install torch || echo "PyTorch is missing"
if ! has jax; then
    "$python" -c 'import cupy, sys; sys.exit(cupy.cuda.runtime.runtimeGetVersion() < 13000)' && jax=cuda13 || jax=cuda12
    install "jax[$jax]" || echo "JAX is missing"
fi

"$python" -c 'import cupy, tinygrad_ed; print("CuPy", cupy.__version__, "on", cupy.cuda.runtime.getDeviceProperties(0)["name"].decode())'
