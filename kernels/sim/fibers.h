// A fiber: a stack of its own, and a switch that saves where one stops and goes on where another did.
#pragma once
#include <stddef.h>
#if !defined(__x86_64__) || defined(SIM_PORTABLE)
#include <ucontext.h>
#endif

#include "state.h"

namespace sim {

using Start = void (*)();

#if defined(__x86_64__) && !defined(SIM_PORTABLE)

// What a function must leave as it found it is pushed; the stack pointer is the rest of the state. It ends
// with a jump: of a `ret`, a processor expects that it goes back to where the last call came from.
extern "C" void sim_switch(void** save, void* go_on) __attribute__((visibility("hidden")));
asm(R"(
  .pushsection .text
  .hidden sim_switch
  .globl sim_switch
  .type sim_switch,@function
sim_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmp *%rcx
  .size sim_switch, .-sim_switch
  .popsection
)");

// What the scheduler needs for its own state, while it runs a block: nothing else.
struct Here { explicit Here(Context&) {} };

static inline void switch_to(Context& from, Context& to) { sim_switch(&from.at, to.at); }

static void prepare(Context& fiber, char* stack, size_t size, Start start) {
  void** top = reinterpret_cast<void**>(stack + size) - 2;  // aligned as after a call
  *top = reinterpret_cast<void*>(start);                    // where the first jump goes
  fiber.at = top - 6;                                       // six registers, whatever they hold
}

#else  // any other processor, slower: each switch asks the system for the mask of signals

struct Here {
  ucontext_t state;
  explicit Here(Context& scheduler) { scheduler.at = &state; }
};

static inline void switch_to(Context& from, Context& to) {
  swapcontext(static_cast<ucontext_t*>(from.at), static_cast<ucontext_t*>(to.at));
}

// The state lies at the far end of the stack.
static void prepare(Context& fiber, char* stack, size_t size, Start start) {
  ucontext_t* state = reinterpret_cast<ucontext_t*>(stack);
  fiber.at = state;
  getcontext(state);
  state->uc_stack.ss_sp = state + 1;
  state->uc_stack.ss_size = size - sizeof *state;
  state->uc_link = nullptr;
  makecontext(state, start, 0);
}

#endif

}  // namespace sim
