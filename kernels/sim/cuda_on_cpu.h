// CUDA on the CPU: with this in front, g++ compiles the project's own .cu files.
//
// language.h   words and types            fibers.h      a stack and a switch for each CUDA thread
// state.h      all that a launch knows    simulator.h   threads, warps, barriers
// grid.h       blocks that wait for each other          launch.h   a grid, as Python starts it
// functions.h  threadIdx, shuffles, atomics, arithmetic
// copies.h     copies that land later     tensor.h      the tensor cores' products
// watched.h    out-of-bounds accesses, counting, in a build of its own; races.h
#pragma once
#define CUDA_ON_CPU
#include "language.h"
#include "fibers.h"
#include "state.h"
#include "watched.h"
#include "simulator.h"
#include "grid.h"
#include "functions.h"
#include "copies.h"
#include "tensor.h"
#include "launch.h"
