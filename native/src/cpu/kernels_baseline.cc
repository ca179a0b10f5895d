#include "kernels_common.h"

#define SOTTO_WIDTH 4
#define SOTTO_ROWS 4
#define SOTTO_PANELS 1
#define SOTTO_FEW_PANELS 1

namespace sotto::cpu::baseline {
#include "kernels.inc"
}
