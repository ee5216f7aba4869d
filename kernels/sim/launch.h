// From Python's call to a grid: the simulator of this thread in this library, and the blocks in turn.
#pragma once
#include <link.h>

#include "grid.h"
#include "simulator.h"
#include "watched.h"

namespace sim {

// Where this library lies, and where `me` lies in its thread-local storage, whose rest are the __shared__
// variables. Each library has its own, and each thread of the system a copy of that.
struct Home { size_t before_me, bytes; uintptr_t code; };
static Home home;
static bool home_is_known;

static int find_home(dl_phdr_info* library, size_t, void*) {
  uintptr_t code = reinterpret_cast<uintptr_t>(&find_home);
  size_t bytes = 0;
  bool ours = false;
  for (int i = 0; i < library->dlpi_phnum; i++) {
    const auto& part = library->dlpi_phdr[i];
    uintptr_t start = library->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_TLS) bytes = part.p_memsz;
    ours |= part.p_type == PT_LOAD && code - start < part.p_memsz;
  }
  if (!ours) return 0;
  const char* low = static_cast<const char*>(library->dlpi_tls_data);
  home = {size_t(reinterpret_cast<char*>(&me) - low), bytes, library->dlpi_addr};
  return 1;
}

// Two threads that find it at the same time find the same.
static void go_home(Simulator* s) {
  me = s;  // makes sure that the thread-local storage is there
  if (!__atomic_load_n(&home_is_known, __ATOMIC_ACQUIRE)) {
    dl_iterate_phdr(find_home, nullptr);
    __atomic_store_n(&home_is_known, true, __ATOMIC_RELEASE);
  }
  s->local = reinterpret_cast<char*>(&me) - home.before_me;
  s->local_bytes = home.bytes;
  s->code = home.code;
}

static void run_in_turn(uint64_t blocks) {
  Simulator* s = me;
  int order = s->launch->order;
  uint64_t first = order == 2 ? draw(unsigned(blocks > 0xffffffff ? 0xffffffff : blocks)) : 0;
  for (uint64_t i = 0; i < blocks && !s->failed; i++) {
    s->number = order == 1 ? blocks - 1 - i : (first + i) % blocks;
    s->block_index = index_of(s->number, s->grid);
    begin_block();
    run_block();
    watch_block_ends();
  }
}

const char* run(const Launch* launch, void (*enter)(void*), void* call) {
  Simulator* s = launch->simulator;
  go_home(s);
  s->launch = launch, s->enter = enter, s->call = call;
  s->grid = dim3(launch->grid[0], launch->grid[1], launch->grid[2]);
  s->block = dim3(launch->block[0], launch->block[1], launch->block[2]);
  s->random = launch->seed * 2654435761u | 1;
  s->failed = s->on_fiber = false;
  s->block_index = {0, 0, 0}, s->number = 0;
  s->n_accesses = 0;
  uint64_t X = s->grid.x, Y = s->grid.y, Z = s->grid.z, blocks = X * Y * Z;
  uint64_t threads = uint64_t(s->block.x) * s->block.y * s->block.z;
  if (threads < 1 || threads > MOST_THREADS || s->block.z > 64)
    return fail("a block has 1 to 1024 threads, at most 64 of them along z, not (%u,%u,%u)",
                SIM_XYZ(s->block)), s->error;
  if (!blocks || X > 0x7fffffff || Y > 65535 || Z > 65535)
    return fail("a grid has 1 to 2147483647 x 65535 x 65535 blocks, not (%u,%u,%u)",
                SIM_XYZ(s->grid)), s->error;
  s->threads = int(threads);
  if (launch->shared > s->shared_room) {
    free(s->shared);
    s->shared = static_cast<char*>(aligned_alloc(128, (launch->shared + 127) / 128 * 128));
    s->shared_room = s->shared ? launch->shared : 0;
    if (!s->shared) return "no memory for shared memory";
  }
  if (launch->cooperative && blocks > MOST_TOGETHER)
    return fail("a cooperative launch has at most %d blocks here, and not more than run at once on a GPU",
                MOST_TOGETHER), s->error;
  const char* error = watch_begins(blocks);
  if (!error && launch->cooperative) error = run_together(int(blocks));
  else if (!error) run_in_turn(blocks);
  watch_ends();
  return error ? error : s->failed ? s->error : nullptr;
}

}  // namespace sim

// --- for a thread of Python, before its first launch and when it ends -------------------------------

#define SIM_EXPORTED extern "C" __attribute__((visibility("default")))

SIM_EXPORTED void discard_simulator(sim::Simulator* s) {
  if (s->stacks) munmap(s->stacks, sim::MOST_THREADS * sim::STACK);
  for (int t = 0; s->fibers && t < sim::MOST_THREADS; t++) free(s->fibers[t].copies);
  free(s->fibers);
  free(s->shared);
  free(s->accesses);
  free(s);
}

SIM_EXPORTED sim::Simulator* new_simulator() {
  sim::Simulator* s = static_cast<sim::Simulator*>(calloc(1, sizeof(sim::Simulator)));
  if (!s) return nullptr;
  s->fibers = static_cast<sim::Fiber*>(calloc(sim::MOST_THREADS, sizeof(sim::Fiber)));
  s->stacks = sim::new_stacks(sim::MOST_THREADS);
  if (s->fibers && s->stacks) return s;
  discard_simulator(s);
  return nullptr;
}
