// One block of a transformer decoder for the few rows of a decoding step, as one op. Its eight parts take some 10 µs each
// on a small model, which is what starting an op costs.
#pragma once

#include <optional>
#include <vector>

#include <mlx/mlx.h>

namespace sotto::cpu {

/**
 * The weights of a block, each of which may be missing but a product's panels: for each of the products qkv, out, cross
 * query, cross out, mlp1, mlp2 its panels, scales, biases and bias; then weight and bias of the three norms. One array
 * stands for them all, so that a step does not look at some thirty; it has no value and keeps them alive.
 */
mlx::core::array decoder_weights(std::vector<std::optional<mlx::core::array>> weights, mlx::core::StreamOrDevice where);

/**
 * x + self-attention, + cross-attention, + MLP, each over the layer-normed x: what attention.h and linear.h do one by one.
 * x [B, T, D] float32 → the same. `keys`, `values`: the cache, written in place from `offset` on. `cross_keys`,
 * `cross_values`: what is cross-attended.
 */
mlx::core::array decoder_block(const mlx::core::array& x, const mlx::core::array& keys, const mlx::core::array& values,
                               const mlx::core::array& cross_keys, const mlx::core::array& cross_values,
                               const mlx::core::array& weights, int offset, float eps, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu
