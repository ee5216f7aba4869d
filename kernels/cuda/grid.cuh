// A barrier for all blocks of a grid. Every thread of every block calls it; what a thread wrote before is
// seen by all threads after. The launch must be cooperative: the blocks have to run at the same time.
//
// The counter is a word in global memory that is 0 before its first use, and for nobody else. A barrier
// adds 2^31 to it in all, whatever the number of blocks: each block adds 1, and the first one the rest.
// So its highest bit turns over when the last block has come, the other bits are 0 again, and the next
// barrier, or the next launch, finds it ready: only the change of that bit counts, not its value.
#pragma once

#ifdef CUDA_ON_CPU
#define grid_barrier(counter) sim::grid_barrier(counter, SIM_HERE)
#else
__device__ __forceinline__ void grid_barrier(unsigned* counter) {
  __syncthreads();
  if (threadIdx.x + threadIdx.y + threadIdx.z == 0) {
    unsigned blocks = gridDim.x * gridDim.y * gridDim.z;
    bool first = blockIdx.x + blockIdx.y + blockIdx.z == 0;
    __threadfence();  // what this block wrote comes before its arrival
    unsigned before = atomicAdd(counter, first ? 0x80000000u - (blocks - 1) : 1u);
    while (((before ^ *static_cast<volatile unsigned*>(counter)) & 0x80000000u) == 0) {
    }
    __threadfence();  // what other blocks wrote is read afterwards
  }
  __syncthreads();
}
#endif
