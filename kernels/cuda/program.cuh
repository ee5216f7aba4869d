// A program's own kernel: many training steps in one launch. persistent.py puts the pieces of a step,
// which are device functions of other files, where the loop says so.
//
// Idea. What a launch costs, and what it costs to begin with cold registers, is paid once for many
// steps. Between two pieces that depend on each other stands a barrier of the whole grid; one block
// alone needs none but its own.
//
// Prediction. A small network's step is as long as its chain of barriers and loads, some microseconds;
// a list of launches, or a graph of them, needs about as long for each launch. For large layers the
// pieces themselves decide, and a graph of better kernels wins.
//
// Next bottleneck. Weights and activations travel through the second-level cache between any two
// pieces: kept in shared memory, a small network would not leave its multiprocessor.
#pragma once
#include "grid.cuh"

struct Program {
  const long long* words;  // the operands of all pieces
  long long* taken;        // gets the number of steps that were taken
  unsigned* barrier;
  long long steps;
};

template <class Operands> __device__ Operands operands_of(void (*piece)(const Operands&));

// Calls a piece on the operands that begin at a word; on a copy, which no store can change.
#define PIECE(piece, word)                                                                  \
  {                                                                                         \
    const auto operands = *reinterpret_cast<const decltype(operands_of(piece))*>(o.words + word); \
    piece(operands);                                                                        \
  }

// Ends the program where a piece, whose last word leads to its scratch memory, has refused its numbers.
// It stands behind a barrier, so all threads see the same.
#define STOP_IF_REFUSED(word) \
  if (*reinterpret_cast<const volatile long long*>(o.words[word])) break

#define WAIT() grid_barrier(o.barrier)

__global__ void __launch_bounds__(PROGRAM_THREADS) program(Program o) {
  long long step = 0;
  for (; step < o.steps; step++) {
    // the pieces of a step
  }
  if (!blockIdx.x && !threadIdx.x) *o.taken = step;
}
