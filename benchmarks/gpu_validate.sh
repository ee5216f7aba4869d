#!/usr/bin/env bash
# The whole GPU validation, in under 25 minutes: tests on the device, memcheck and racecheck, and all
# tables into RESULTS.md. For a Linux machine with a GPU and Python 3.11 or newer.
#
#     bash benchmarks/gpu_validate.sh [--dry-run] [--steps NAME,NAME] [--out FOLDER]
#
# --dry-run  prints the steps and their limits, and does nothing
# --steps    only these, on a fresh machine `environment` first; what earlier runs found out about
#            the others is kept
# --out      where logs, numbers and pictures go (build/gpu)
#
# A step that fails stops none of those after it. Every outcome goes into
# benchmarks/gpu_validation.json and RESULTS.md. Exit status: 0 if all steps passed, else 1.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.." || exit 1

dry='' only='' out=build/gpu
while [ $# -gt 0 ]; do
    case $1 in
        --dry-run) dry=yes ;;
        --steps) only=${2:?--steps NAME,NAME}; shift ;;
        --out) out=${2:?--out FOLDER}; shift ;;
        *) sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done

venv=$out/venv logs=$out/logs
python=$venv/bin/python
# Recorded results change the checkout; what was measured is the commit as it was before.
commit=$(git describe --always --dirty '--exclude=*' 2>/dev/null || echo 'no repository')
export TINYGRAD_ED_BENCH_COMMIT=${TINYGRAD_ED_BENCH_COMMIT:-$commit}
sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
kernel_tests=(tests/cuda/test_ladder*.py tests/cuda/test_kernels*.py tests/cuda/test_generated*.py
    tests/cuda/test_persistent*.py)
engine_tests=(tests/ops tests/nn tests/optim tests/documents tests/captured)
on_device=(env TINYGRAD_ED_TEST_DEVICE=cuda)
tests=("${on_device[@]}" "$python" -m pytest -q -p no:cacheprovider -n 8)
failed=0 names=() naming=yes

# step NAME SECONDS COMMAND...: one step within its limit. SKIP is why it is left out, if it is.
step() {
    local name=$1 limit=$2 outcome status start=$SECONDS
    shift 2
    if [ -n "$naming" ]; then
        names+=("$name")
        return
    fi
    if [ -n "$only" ] && [[ ",$only," != *",$name,"* ]]; then return; fi
    if [ -n "$dry" ]; then
        printf '%-18s %4s s  %s\n' "$name" "$limit" "$*"
        return
    fi
    printf '=== %s (at most %s s)\n' "$name" "$limit"
    if [ -n "${SKIP:-}" ]; then
        outcome="skipped: $SKIP"
    else
        timeout --kill-after=10 "$limit" "$@" >"$logs/$name.log" 2>&1
        status=$?
        case $status in
            0) outcome=passed ;;
            124 | 137) outcome="stopped after $limit s" ;;
            *) outcome="failed ($status)" ;;
        esac
        [ "$status" = 0 ] || { failed=1; tail -n 20 "$logs/$name.log"; }
    fi
    printf '%s, %s s\n' "$outcome" $((SECONDS - start))
    printf '%s\t%s\t%s\t%s\n' "$name" "$outcome" $((SECONDS - start)) "$*" >>"$out/steps.tsv"
}

# sanitize TOOL SECONDS: the kernels' tests under one of compute-sanitizer's tools.
sanitize() {
    local SKIP=''
    [ -n "$dry" ] || [ -x "$sanitizer" ] || SKIP='compute-sanitizer is not there'
    step "$1" "$2" "${on_device[@]}" "$sanitizer" --tool "$1" --report-api-errors no \
        --error-exitcode 99 "$python" benchmarks/sanitized.py "${kernel_tests[@]}"
}

# table NAME SECONDS SCRIPT OPTION...: a benchmark that records what it measures.
table() {
    local name=$1 limit=$2
    shift 2
    step "$name" "$limit" "$python" "benchmarks/$1" "${@:2}" --record --json "$out/$name.json"
}

steps() {
    step environment 240 bash benchmarks/gpu_environment.sh "$venv"
    step doctor 30 "$venv/bin/tinygrad-ed" doctor
    step kernels 150 "${tests[@]}" tests/cuda
    step engine 180 "${tests[@]}" "${engine_tests[@]}"
    sanitize memcheck 140
    sanitize racecheck 140
    table matmul 140 matmul.py --device cuda --seconds 0.03 --plot "$out/matmul.png"
    table train_step 240 train_step.py --device cuda --seconds 0.15 --plot "$out/train_step.png"
    table train_step_tf32 100 train_step.py --device cuda --tf32 --cases d,e --seconds 0.2
    table crossover 110 crossover.py --plot "$out/crossover.png" --roofline "$out/roofline.png"
    step goals 20 "$python" benchmarks/gpu_goals.py --matmul "$out/matmul.json" \
        --train-step "$out/train_step.json" --record
}

steps # only their names
naming=''
for name in ${only//,/ }; do
    if [[ " ${names[*]} " != *" $name "* ]]; then
        echo "no step $name: there are ${names[*]}" >&2
        exit 2
    fi
done
if [ -z "$dry" ]; then
    mkdir -p "$logs"
    : >"$out/steps.tsv"
fi
steps
[ -z "$dry" ] || exit 0
[ -x "$python" ] || python=${PYTHON:-python3}
"$python" benchmarks/gpu_validation.py "$out/steps.tsv" "$logs" || failed=1
exit "$failed"
