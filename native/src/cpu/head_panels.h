// Rows of a head in the layouts that the products of an attention read (panels.h).
#pragma once

#include <algorithm>

#include "panels.h"

namespace sotto::cpu {

inline int64_t whole_panels(int64_t n) { return (n + kPanel - 1) / kPanel * kPanel; }

/** One head; rows are `stride` floats apart. */
struct Head {
  float* data;
  int64_t stride;
};

/** Rows [n, d] → panels of rows [⌈n / 16⌉, d, 16], zero-padded. */
void panels_of_rows(Head x, int64_t n, int64_t d, float* to);

/** Rows [n, d] → panels of columns [⌈d / 16⌉, n, 16], zero-padded. */
void panels_of_columns(Head x, int64_t n, int64_t d, float* to);

}  // namespace sotto::cpu
