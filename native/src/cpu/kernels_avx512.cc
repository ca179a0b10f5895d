#include "kernels_common.h"

#if defined(__x86_64__)
#pragma GCC push_options
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // in the intrinsics of GCC 12 themselves
#pragma GCC target("arch=x86-64-v4")

#define SOTTO_WIDTH 16
#define SOTTO_ROWS 12
#define SOTTO_PANELS 2
#define SOTTO_FEW_PANELS 4

namespace sotto::cpu::avx512 {
#include "kernels.inc"
}

#pragma GCC pop_options
#endif
