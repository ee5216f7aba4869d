// The simulator's runtime: made into an object once, and linked into the library of every kernel.
#include "fibers.h"
#include "common.h"
#include "watched.h"
#include "simulator.h"
#include "grid.h"
#include "copies.h"
#include "tensor.h"
#include "launch.h"
