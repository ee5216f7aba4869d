// Copies into shared memory that go on while a thread computes (cp.async). Here one lands as late as it
// may: at the wait that covers it. Until then its place holds NaN, and a watched build reports whoever
// uses the place; afterwards it is as if the thread itself had just written there.
#pragma once
#include "common.h"
#include "watched.h"

namespace sim {

void copy_later(void* to, const void* from, int bytes, bool ok, Site site) {
  Simulator* s = me;
  Fiber& f = s->fibers[s->current];
  if (reinterpret_cast<uintptr_t>(to) % bytes || reinterpret_cast<uintptr_t>(from) % bytes) {
    fail("thread " SIM_THREAD " copies %d bytes at %s:%d %s an address that is no multiple of %d",
         SIM_XYZ(f.thread), bytes, site.file, site.line,
         reinterpret_cast<uintptr_t>(to) % bytes ? "to" : "from", bytes);
    to_scheduler();
  }
  if (!in_shared(to)) {
    fail("thread " SIM_THREAD " copies at %s:%d to an address that is not in shared memory",
         SIM_XYZ(f.thread), site.file, site.line);
    to_scheduler();
  }
  if (f.n_copies == f.copies_room) {
    f.copies_room = 2 * f.copies_room + 16;
    f.copies = static_cast<Copy*>(realloc(f.copies, f.copies_room * sizeof(Copy)));
    if (!f.copies) abort();
  }
  watch_copy_begins(to, ok ? from : nullptr, bytes);
  memset(to, 0xff, bytes);
  f.copies[f.n_copies++] = {to, ok ? from : nullptr, bytes, f.groups, site};
}

// What was copied since the last such call is a group.
void close_copies() { me->fibers[me->current].groups++; }

// Waits until at most `left` of this thread's groups are on their way.
void land_copies(unsigned left) {
  Simulator* s = me;
  Fiber& f = s->fibers[s->current];
  int kept = 0;
  for (int i = 0; i < f.n_copies; i++) {
    Copy c = f.copies[i];
    if (c.group + left >= f.groups) {
      f.copies[kept++] = c;
      continue;
    }
    if (c.from) memcpy(c.to, c.from, c.bytes);
    else memset(c.to, 0, c.bytes);
    watch_copy_ends(c.to, c.bytes);
  }
  f.n_copies = kept;
}

}  // namespace sim
