// A kernel as Python starts it: a function of the library for each, and its arguments by their addresses.
#pragma once
#include "calls.h"

namespace sim {

template <int... I> struct Numbers {};

template <class... A, int... I>
SIM_RUNTIME static void with_arguments(void (*kernel)(A...), void** arguments, Numbers<I...>) {
  kernel(*static_cast<A*>(arguments[I])...);
}

template <class... A> struct Call {
  void (*kernel)(A...);
  void** arguments;

  SIM_RUNTIME static void enter(void* call) {
    Call* c = static_cast<Call*>(call);
    with_arguments(c->kernel, c->arguments, Numbers<__integer_pack(int(sizeof...(A)))...>{});
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
