// Attention in float32. What a decoder attends to at every step is laid out for that once: keys in panels of 16
// positions [⌈T / 16⌉, D, 16] (panels.h), so that a query meets 16 keys at a time, values as rows [T, D].
#pragma once

#include <utility>

#include <mlx/mlx.h>

namespace sotto::cpu {

/**
 * softmax(scale q kᵀ) v without copies of transposed operands.
 * q [B, H, Nq, D], k and v [B, Hkv, Nk, D], result [B, H, Nq, D] laid out in memory as [B, Nq, H, D], so that
 * joining the heads afterwards is free. `causal` hides key j from query i where j > i + Nk - Nq.
 */
mlx::core::array attention(const mlx::core::array& q, const mlx::core::array& k, const mlx::core::array& v, float scale,
                           bool causal, mlx::core::StreamOrDevice where);

/** Whether `attention` can take these: float32, on the CPU, matching shapes. */
bool attention_applies(const mlx::core::array& q, const mlx::core::array& k, const mlx::core::array& v,
                       mlx::core::StreamOrDevice where);

/**
 * What a decoder's cross-attention reads at every step, stored as float16: half the bytes, and reading them is what such
 * a step costs. kv [B, T, 2 H D] float32, keys before values → keys [B, H, ⌈T / 16⌉, D, 16], values [B, H, T, D].
 */
std::pair<mlx::core::array, mlx::core::array> cross_attention_cache(const mlx::core::array& kv, int heads, mlx::core::StreamOrDevice where);

/** q [B, Nq, H D] float32 attends to all `length` positions of a memory, unmasked → [B, Nq, H D]. Scaled by 1 / √D. */
mlx::core::array cross_attend(const mlx::core::array& q, const mlx::core::array& keys, const mlx::core::array& values,
                               mlx::core::StreamOrDevice where);

/**
 * Causal self-attention over a cache: qkv [B, T, 3 H D] float32, queries before keys before values, at the positions
 * from `offset` on → [B, T, H D]. Writes the new keys and values into the buffers, keys [B, H, C / 16, D, 16] and values
 * [B, H, C, D] float32, *in place*: whoever holds them sees it. Ops of one stream run in the order they were evaluated in.
 */
mlx::core::array attend_cached(const mlx::core::array& qkv, const mlx::core::array& keys, const mlx::core::array& values,
                               int offset, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu
