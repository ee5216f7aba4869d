// CUDA on the CPU: with this in front, g++ compiles the project's own .cu files.
//
// With each kernel:
//   language.h   words and types            arithmetic.h  functions of numbers
//   state.h      all that a launch knows    calls.h       what the runtime does
//   functions.h  threadIdx, shuffles, atomics
//   entry.h      what Python calls
// Once for all kernels, by way of runtime.h:
//   fibers.h     a stack and a switch for each CUDA thread
//   common.h     what the others use        simulator.h   threads, warps, barriers
//   grid.h       blocks that wait for each other          launch.h   a grid, as Python starts it
//   copies.h     copies that land later     tensor.h      the tensor cores' products
//   watched.h    out-of-bounds accesses, counting, in a build of its own; races.h
#pragma once
#define CUDA_ON_CPU
#include "language.h"
#include "arithmetic.h"
#include "state.h"
#include "calls.h"
#include "functions.h"
#include "entry.h"
