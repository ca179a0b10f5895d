// A linear layer and all that stands beside it in a transformer, in one go over its input.
#pragma once

#include <optional>

#include <mlx/mlx.h>

namespace sotto::cpu {

struct LinearArgs {
  mlx::core::array panels;  // see panels.h; uint8 for packed weights
  int64_t outputs;          // n
  std::optional<mlx::core::array> scales, biases;  // of packed weights, float32 panels
  std::optional<mlx::core::array> bias;            // [n] float32
  std::optional<mlx::core::array> norm_weight, norm_bias;  // [k] float32
  double norm_eps = 0;      // above 0: the input is layer-normed first
  bool gelu = false;
  std::optional<mlx::core::array> residual;  // as the result
};

/**
 * gelu(norm(x) wᵀ + bias) + residual, each part but the product optional; computed in float32 whatever the weights
 * are stored as. x [..., k] float32 → [..., n] float32.
 */
mlx::core::array linear(const mlx::core::array& x, const LinearArgs& args, mlx::core::StreamOrDevice where);

/** Rows of the matrix in `panels`, expanded: ids [...] int32 → [..., k] float32. Ids beyond the matrix give zeros. */
mlx::core::array matrix_rows(const LinearArgs& args, const mlx::core::array& ids, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu
