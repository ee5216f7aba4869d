// What all parts of the runtime use: where an address lies, who is first, and how a launch fails.
#pragma once
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "calls.h"
#include "fibers.h"
#include "state.h"

namespace sim {

__thread Simulator* me = nullptr;

static bool inside(const void* at, const void* low, size_t bytes) {
  return reinterpret_cast<uintptr_t>(at) - reinterpret_cast<uintptr_t>(low) < bytes;
}
static bool in_shared(const void* at) {
  return inside(at, me->local, me->local_bytes) || inside(at, me->shared, me->launch->shared);
}

static uint3 index_of(uint64_t number, dim3 size) {
  uint64_t X = size.x, Y = size.y;
  return {unsigned(number % X), unsigned(number / X % Y), unsigned(number / (X * Y))};
}

// Memory for so many fibers; null if there is none.
static char* new_stacks(int fibers) {
  void* stacks = mmap(nullptr, fibers * STACK, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return stacks == MAP_FAILED ? nullptr : static_cast<char*>(stacks);
}

static inline void to_scheduler() {
  Simulator* s = me;
  switch_to(s->fibers[s->current].context, s->scheduler);
}

#define SIM_THREAD "(%u,%u,%u)"
#define SIM_XYZ(v) (v).x, (v).y, (v).z

// Ends the launch with a message; a fiber that calls it goes to the scheduler then.
__attribute__((noinline, cold, format(printf, 1, 2))) static void fail(const char* format, ...) {
  Simulator* s = me;
  if (s->failed) return;
  s->failed = true;
  int n = snprintf(s->error, sizeof s->error, "%s, block " SIM_THREAD ": ", s->launch->kernel,
                   SIM_XYZ(s->block_index));
  va_list values;
  va_start(values, format);
  vsnprintf(s->error + n, sizeof s->error - n, format, values);
  va_end(values);
}

static unsigned draw(unsigned below) {
  unsigned& r = me->random;
  r ^= r << 13, r ^= r >> 17, r ^= r << 5;
  return r % below;
}

// 0 .. count - 1 in the launch's order.
static void put_in_order(int* sequence, int count) {
  int order = me->launch->order;
  for (int i = 0; i < count; i++) sequence[i] = order == 1 ? count - 1 - i : i;
  for (int i = count - 1; order == 2 && i > 0; i--) {
    int j = int(draw(i + 1)), kept = sequence[i];
    sequence[i] = sequence[j];
    sequence[j] = kept;
  }
}

}  // namespace sim
