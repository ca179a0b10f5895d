// A linear layer with its fused ops, in one pass over the input.
#pragma once

#include <optional>

#include <mlx/mlx.h>

#include "kernels.h"

namespace sotto::cpu {

struct LinearArgs {
  mlx::core::array panels;  // see panels.h; uint8 for quantized weights
  int64_t outputs;          // n
  std::optional<mlx::core::array> scales, biases;  // of quantized weights, float32 panels
  std::optional<mlx::core::array> bias;            // [n] float32
  std::optional<mlx::core::array> norm_weight, norm_bias;  // [k] float32
  double norm_eps = 0;      // above 0: layer-norms the input
  Activation activation = Activation::none;
  float scale = 1;          // after the activation
  std::optional<mlx::core::array> residual;  // has the shape of the result
};

/**
 * scale activation(norm(x) wᵀ + bias) + residual; every part but the product is optional. Computes in float32 for all weight
 * dtypes. x [..., k] float32 → [..., n] float32.
 */
mlx::core::array linear(const mlx::core::array& x, const LinearArgs& args, mlx::core::StreamOrDevice where);

/** Dequantized rows of the matrix in `panels`: ids [...] int32 → [..., k] float32. Ids out of range give zeros. */
mlx::core::array matrix_rows(const LinearArgs& args, const mlx::core::array& ids, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu
