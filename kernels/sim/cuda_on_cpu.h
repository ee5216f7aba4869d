// CUDA on the CPU: with this in front, g++ compiles the project's own .cu files.
//
// language.h    words and types           fibers.h      a stack and a switch for each CUDA thread
// simulator.h   threads, warps, barriers  functions.h   threadIdx, shuffles, atomics, arithmetic
// watched.h     out-of-bounds accesses and races, in a build of its own
// launch.h      a grid, as Python starts it
#pragma once
#define CUDA_ON_CPU
#include "language.h"
#include "fibers.h"
#include "simulator.h"
#include "functions.h"
#include "watched.h"
#include "launch.h"
