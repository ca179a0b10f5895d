// Weights as our products read them: panels of 16 rows of the matrix, and within a panel column after column. So one
// vector holds the weights of 16 outputs for one input, which is broadcast: no sums across a vector, no transposing.
#pragma once

#include <cstdint>

#include <mlx/mlx.h>

namespace sotto::cpu {

constexpr int64_t kPanel = 16;

/** A weight matrix [n, k] in panels: [⌈n / 16⌉, k, 16], the last one filled up with zeros. */
struct Panels {
  enum class Kind { float32, float16, bfloat16, codes };
  Kind kind;
  const void* data;
  int64_t n, k;
  // For codes, one byte per weight: weight = scale * code + bias, one pair for `group` columns of a row.
  const float* scales = nullptr;  // [⌈n / 16⌉, k / group, 16]
  const float* biases = nullptr;
  int64_t group = 0;

  int64_t count() const { return (n + kPanel - 1) / kPanel; }
};

/**
 * [..., n, k] float32, float16 or bfloat16, or with `bits` the same matrix in MLX's packed form [..., n, k bits / 32]
 * uint32 → [..., ⌈n / 16⌉, k, 16], packed weights as one byte each.
 */
mlx::core::array panels_of(const mlx::core::array& w, int bits, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu
