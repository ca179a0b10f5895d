#include "head_panels.h"

namespace sotto::cpu {

void panels_of_rows(Head x, int64_t n, int64_t d, float* to) {
  for (int64_t p = 0; p < n; p += kPanel, to += d * kPanel) {
    const int64_t rows = std::min(kPanel, n - p);
    for (int64_t r = 0; r < rows; ++r) {
      const float* row = x.data + (p + r) * x.stride;
      for (int64_t i = 0; i < d; ++i) to[i * kPanel + r] = row[i];
    }
    for (int64_t r = rows; r < kPanel; ++r) {
      for (int64_t i = 0; i < d; ++i) to[i * kPanel + r] = 0;
    }
  }
}

void panels_of_columns(Head x, int64_t n, int64_t d, float* to) {
  for (int64_t p = 0; p < d; p += kPanel) {
    const int64_t columns = std::min(kPanel, d - p);
    for (int64_t i = 0; i < n; ++i, to += kPanel) {
      const float* from = x.data + i * x.stride + p;
      for (int64_t c = 0; c < columns; ++c) to[c] = from[c];
      for (int64_t c = columns; c < kPanel; ++c) to[c] = 0;
    }
  }
}

}  // namespace sotto::cpu
