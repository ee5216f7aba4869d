// A fiber: a stack of its own, and a switch that saves where one stops and goes on where another did.
#pragma once
#include "language.h"

namespace sim {

using Start = void (*)();

#if defined(__x86_64__) && !defined(SIM_PORTABLE)

// What a function must leave as it found it is pushed; the stack pointer is the rest of the state.
struct Context { void* stack_pointer; };

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
  ret
  .size sim_switch, .-sim_switch
  .popsection
)");

SIM_RUNTIME static inline void switch_to(Context& from, Context& to) {
  sim_switch(&from.stack_pointer, to.stack_pointer);
}

SIM_RUNTIME static void prepare(Context& fiber, char* stack, size_t size, Start start) {
  void** top = reinterpret_cast<void**>(stack + size) - 2;  // aligned as after a call
  *top = reinterpret_cast<void*>(start);                    // where the first `ret` goes
  fiber.stack_pointer = top - 6;                            // six registers, whatever they hold
}

#else  // any other processor, slower: each switch asks the system for the mask of signals

struct Context { ucontext_t state; };

SIM_RUNTIME static inline void switch_to(Context& from, Context& to) {
  swapcontext(&from.state, &to.state);
}

SIM_RUNTIME static void prepare(Context& fiber, char* stack, size_t size, Start start) {
  getcontext(&fiber.state);
  fiber.state.uc_stack.ss_sp = stack;
  fiber.state.uc_stack.ss_size = size;
  fiber.state.uc_link = nullptr;
  makecontext(&fiber.state, start, 0);
}

#endif

}  // namespace sim
