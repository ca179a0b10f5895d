// Vectorized kernels for ops that MLX computes one element at a time.
#pragma once

#include <utility>

#include <mlx/mlx.h>

namespace sotto::cpu {

/** x/2 (1 + erf(x/√2)) elementwise, float32, any shape. */
mlx::core::array gelu(const mlx::core::array& x, mlx::core::StreamOrDevice where);

bool gelu_applies(const mlx::core::array& x, mlx::core::StreamOrDevice where);

/** x, or e^x - 1 below 0: elementwise, float32, any shape. */
mlx::core::array elu(const mlx::core::array& x, mlx::core::StreamOrDevice where);

/** Logits [R, V] float32 → index of the largest of each row [R] int32 (first of equals), its log-probability [R]. */
std::pair<mlx::core::array, mlx::core::array> argmax(const mlx::core::array& logits, mlx::core::StreamOrDevice where);

/** The k largest of each row [R, k] int32, the first of equals first, their log-probabilities [R, k], and log Σ e^x [R, 1]. */
std::vector<mlx::core::array> top_k(const mlx::core::array& logits, int k, mlx::core::StreamOrDevice where);

bool argmax_applies(const mlx::core::array& logits, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu
