// From Python's call to a grid: the simulator of this thread, and the kernel with its arguments.
#pragma once
#include "grid.h"
#include "simulator.h"
#include "watched.h"

namespace sim {

// Where this library's thread-local storage lies in this thread: __shared__ variables are all of it.
SIM_RUNTIME static int find_local(dl_phdr_info* library, size_t, void* simulator) {
  Simulator* s = static_cast<Simulator*>(simulator);
  uintptr_t code = reinterpret_cast<uintptr_t>(&find_local);
  size_t bytes = 0;
  bool ours = false;
  for (int i = 0; i < library->dlpi_phnum; i++) {
    const auto& part = library->dlpi_phdr[i];
    uintptr_t start = library->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_TLS) bytes = part.p_memsz;
    ours |= part.p_type == PT_LOAD && code - start < part.p_memsz;
  }
  if (!ours) return 0;
  s->local = static_cast<char*>(library->dlpi_tls_data);
  s->local_bytes = bytes;
  s->code = library->dlpi_addr;
  return 1;
}

SIM_RUNTIME static void discard(void* simulator) {  // when its thread ends
  Simulator* s = static_cast<Simulator*>(simulator);
  munmap(s->stacks, MOST_THREADS * STACK);
  for (int t = 0; t < MOST_THREADS; t++) free(s->fibers[t].copies);
  free(s->fibers);
  free(s->shared);
  free(s->accesses);
  free(s);
}

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

SIM_RUNTIME static Simulator* of_this_thread() {
  pthread_once(&key_once, [] { pthread_key_create(&key, discard); });
  Simulator* s = static_cast<Simulator*>(pthread_getspecific(key));
  if (s) return s;
  s = static_cast<Simulator*>(calloc(1, sizeof(Simulator)));
  if (!s) return nullptr;
  void* stacks = mmap(nullptr, MOST_THREADS * STACK, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  s->fibers = static_cast<Fiber*>(calloc(MOST_THREADS, sizeof(Fiber)));
  if (stacks == MAP_FAILED || !s->fibers) {
    free(s->fibers);
    free(s);
    return nullptr;
  }
  s->stacks = static_cast<char*>(stacks);
  pthread_setspecific(key, s);
  return s;
}

SIM_RUNTIME static void run_in_turn(uint64_t blocks) {
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

SIM_RUNTIME static const char* run(const Launch* launch, void (*enter)(void*), void* call) {
  Simulator* s = of_this_thread();
  if (!s) return "no memory for the stacks of 1024 threads";
  me = s;  // makes sure that the thread-local storage is there
  s->launch = launch, s->enter = enter, s->call = call;
  dl_iterate_phdr(find_local, s);
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

template <class... A, size_t... I>
SIM_RUNTIME static void with_arguments(void (*kernel)(A...), void** arguments,
                                       std::index_sequence<I...>) {
  kernel(*static_cast<A*>(arguments[I])...);
}

template <class... A> struct Call {
  void (*kernel)(A...);
  void** arguments;

  SIM_RUNTIME static void enter(void* call) {
    Call* c = static_cast<Call*>(call);
    with_arguments(c->kernel, c->arguments, std::index_sequence_for<A...>{});
  }
};

template <class... A>
SIM_RUNTIME static const char* start(const Launch* launch, void (*kernel)(A...), void** arguments) {
  Call<A...> call{kernel, arguments};
  return run(launch, Call<A...>::enter, &call);
}

}  // namespace sim

// What Python finds in the library for each kernel.
#define SIM_KERNEL(number, ...)                                                              \
  extern "C" __attribute__((visibility("default"))) const char* launch_##number(             \
      const sim::Launch* launch, void** arguments) {                                         \
    return sim::start(launch, &__VA_ARGS__, arguments);                                      \
  }
