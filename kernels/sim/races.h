// Races, in a watched build: two threads use the same word, one of them writes, and nothing orders them.
//
// Shared memory: a barrier orders all before it and all after it in a block; so does a meeting of a warp
// between its lanes; two atomics need no order. Global memory: the same inside a block. Between blocks a
// grid barrier orders, or that the first one calls __threadfence() and then an atomic, and the second one
// an atomic afterwards (which is how a block learns that it is the last one). Atomic and volatile
// accesses to global memory are not looked at.
#pragma once
#include "common.h"

namespace sim {

constexpr size_t WORD = 2;  // bytes: two bf16 in a row are two words

enum Kind : uint8_t { READS, WRITES, ATOMIC, BARRIER };
static const char* verb(Kind kind) { return kind == READS ? "reads" : "writes"; }

struct Use {
  int who;  // 1 + thread, 0: nobody
  unsigned block, block_phase, warp_phase, place, time;
  bool atomic;
  uint8_t bytes;  // a bit for each byte of the word
};
struct Word {
  Use write, read[2];  // the last write, and reads by two different threads
  int copier;          // 1 + the thread whose copy is on its way here
};

// --- order ---------------------------------------------------------------------------------------

struct Block_times { unsigned fenced, released, released_at, acquired; };
struct Cell { uint64_t key; Word word; };

struct Globals {
  Cell* cells;  // a hash table
  size_t used, room;
  Block_times* blocks;
  unsigned now, grid_barrier;  // one tick for each fence, atomic and grid barrier
};

static void fence() {
  Globals* g = me->globals;
  if (g->blocks) g->blocks[me->number].fenced = g->now++;
}
static void atomic_meeting() {
  Globals* g = me->globals;
  if (!g->blocks) return;
  Block_times& mine = g->blocks[me->number];
  mine.released = mine.fenced;
  mine.released_at = mine.acquired = g->now++;
}

// Whether an earlier use may happen at the same time as one of the running thread.
static bool unordered_in_block(const Use& before) {
  Simulator* s = me;
  if (before.who == 0 || before.who == s->current + 1) return false;
  if (before.block_phase != s->block_phase) return false;
  int warp = s->current / WARP;
  return (before.who - 1) / WARP != warp || before.warp_phase == s->warp_phase[warp];
}

static bool unordered(const Use& before, bool global) {
  Simulator* s = me;
  if (before.who == 0) return false;
  if (before.block == unsigned(s->number)) return unordered_in_block(before);
  if (!global || !s->globals->blocks || before.time <= s->globals->grid_barrier) return false;
  const Block_times &first = s->globals->blocks[before.block], &second = s->globals->blocks[s->number];
  return before.time > first.released || second.acquired <= first.released_at;
}

// --- a word --------------------------------------------------------------------------------------

static void race(const Use& before, Kind kind, bool wrote, bool global, unsigned place) {
  Simulator* s = me;
  uint3 a = s->fibers[s->current].thread, b = index_of(before.who - 1, s->block);
  const char* memory = global ? "global" : "shared";
  const char* verb_before = wrote ? "wrote" : "read";
  if (before.block == unsigned(s->number)) {
    fail("race: thread " SIM_THREAD " %s a word of %s memory that thread " SIM_THREAD
         " %s, with no barrier between them, at @%x@ and @%x@", SIM_XYZ(a), verb(kind), memory,
         SIM_XYZ(b), verb_before, place, before.place);
  } else {
    fail("race: thread " SIM_THREAD " %s a word of %s memory that thread " SIM_THREAD
         " of block " SIM_THREAD " %s, with no grid barrier between them, at @%x@ and @%x@", SIM_XYZ(a),
         verb(kind), memory, SIM_XYZ(b), SIM_XYZ(index_of(before.block, s->grid)), verb_before, place,
         before.place);
  }
}

static void use_word(Word& word, uint8_t bytes, Kind kind, bool global, unsigned place) {
  Simulator* s = me;
  bool writes = kind != READS, atomic = kind == ATOMIC;
  if (word.write.bytes & bytes && !(atomic && word.write.atomic) && unordered(word.write, global))
    return race(word.write, kind, true, global, place);
  for (const Use& read : word.read)
    if (writes && read.bytes & bytes && unordered(read, global))
      return race(read, kind, false, global, place);
  Use now{s->current + 1, unsigned(s->number), s->block_phase, s->warp_phase[s->current / WARP],
          place, s->globals->now, atomic, bytes};
  // A read that comes before this one in order need not be kept: what races with it races with this one.
  if (writes) word.write = now;
  else word.read[word.read[0].who != now.who && unordered(word.read[0], global)] = now;
}

// --- shared memory -------------------------------------------------------------------------------

static Word* words_of(const void* address) {
  Simulator* s = me;
  uintptr_t at = reinterpret_cast<uintptr_t>(address);
  size_t offset = inside(address, s->local, s->local_bytes)
                      ? at - reinterpret_cast<uintptr_t>(s->local)
                      : s->local_bytes + (at - reinterpret_cast<uintptr_t>(s->shared));
  return s->words + offset / WORD;
}

static const Copy* copy_to(int copier, const void* at) {
  const Fiber& f = me->fibers[copier];
  for (int i = 0; i < f.n_copies; i++)
    if (inside(at, f.copies[i].to, f.copies[i].bytes)) return f.copies + i;
  return nullptr;
}

static void use_shared(const void* address, size_t bytes, Kind kind, unsigned place) {
  Simulator* s = me;
  Word* words = words_of(address);
  uint8_t part = bytes == 1 ? 1 << reinterpret_cast<uintptr_t>(address) % 2 : 3;
  for (size_t b = 0; b < bytes && !s->failed; b += WORD) {
    Word& word = words[b / WORD];
    const Copy* copy =
        word.copier ? copy_to(word.copier - 1, static_cast<const char*>(address) + b) : nullptr;
    if (copy) {
      fail("race: thread " SIM_THREAD " %s a word of shared memory where a copy of thread " SIM_THREAD
           " from %s:%d may not have landed yet, at @%x@", SIM_XYZ(s->fibers[s->current].thread),
           verb(kind), SIM_XYZ(s->fibers[word.copier - 1].thread), copy->site.file, copy->site.line,
           place);
    } else {
      use_word(word, part, kind, false, place);
    }
  }
}

// --- global memory: words by their addresses, single bytes and pairs by their own -------------------

static Word* global_word(uint64_t key) {
  Globals* g = me->globals;
  if (2 * g->used >= g->room) {
    Globals old = *g;
    g->room = old.room ? 4 * old.room : 1 << 12, g->used = 0;
    g->cells = static_cast<Cell*>(calloc(g->room, sizeof(Cell)));
    if (!g->cells) abort();
    for (size_t i = 0; i < old.room; i++)
      if (old.cells[i].key) *global_word(old.cells[i].key) = old.cells[i].word;
    free(old.cells);
  }
  size_t i = key * 0x9e3779b97f4a7c15u >> 20;
  for (;; i++) {
    Cell& cell = g->cells[i & (g->room - 1)];
    if (cell.key == key) return &cell.word;
    if (cell.key) continue;
    cell.key = key, g->used++;
    return &cell.word;
  }
}

static void use_global(uintptr_t at, size_t bytes, Kind kind, unsigned place) {
  unsigned size = bytes < 4 ? unsigned(bytes) : 4;
  for (size_t b = 0; b < bytes && !me->failed; b += size)
    use_word(*global_word((at + b) / size * 4 + size - 1), 3, kind, true, place);
}

}  // namespace sim
