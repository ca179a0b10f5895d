// One transformer decoder block for the few rows of a decode step, as one op. On a small model each of its eight parts
// takes some 10 µs, as long as starting an op.
#pragma once

#include <optional>
#include <vector>

#include <mlx/mlx.h>

namespace sotto::cpu {

/**
 * Bundles the weights of a block in one array without a value, which keeps them alive; a step then passes one input
 * instead of thirty. Order: panels, scales, biases and bias of the products qkv, out, cross query, cross out, mlp1,
 * mlp2; then weight and bias of the three norms. Only the panels are mandatory.
 */
mlx::core::array decoder_weights(std::vector<std::optional<mlx::core::array>> weights, mlx::core::StreamOrDevice where);

/**
 * x + self-attention, + cross-attention, + MLP, each over the layer-normed x, as attention.h and linear.h compute them.
 * x [B, T, D] float32 → [B, T, D]. `keys`, `values`: the cache, written in place from `offset`. `cross_keys`,
 * `cross_values`: the cross-attention cache.
 */
mlx::core::array decoder_block(const mlx::core::array& x, const mlx::core::array& keys, const mlx::core::array& values,
                               const mlx::core::array& cross_keys, const mlx::core::array& cross_values,
                               const mlx::core::array& weights, int offset, float eps, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu
