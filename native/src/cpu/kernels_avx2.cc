#include "kernels_common.h"

#if defined(__x86_64__)
#pragma GCC push_options
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // in the intrinsics of GCC 12 themselves
#pragma GCC target("arch=x86-64-v3")

#define SOTTO_WIDTH 8
#define SOTTO_ROWS 6
#define SOTTO_PANELS 1
#define SOTTO_FEW_PANELS 2

namespace sotto::cpu::avx2 {
#include "kernels.inc"
}

#pragma GCC pop_options
#endif
