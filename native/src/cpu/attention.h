// Attention in float32. Caches of a decoder are stored in the kernels' layout: keys in panels of 16 positions [⌈T /
// 16⌉, D, 16] (panels.h), so that a query is multiplied with 16 keys at a time; values as rows [T, ⌈D / 16⌉ 16], padded
// with zeros.
#pragma once

#include <utility>

#include <mlx/mlx.h>

namespace sotto::cpu {

/**
 * softmax(scale q kᵀ) v without copies of transposed operands. q [B, H, Nq, D], k and v [B, Hkv, Nk, D], result [B, H,
 * Nq, D] stored as [B, Nq, H, D], so that merging the heads is free. `causal` masks key j for query i if j > i + Nk -
 * Nq.
 */
mlx::core::array attention(const mlx::core::array& q, const mlx::core::array& k, const mlx::core::array& v, float scale,
                           bool causal, mlx::core::StreamOrDevice where);

/** Whether `attention` supports these: float32, on the CPU, matching shapes. */
bool attention_applies(const mlx::core::array& q, const mlx::core::array& k, const mlx::core::array& v,
                       mlx::core::StreamOrDevice where);

/**
 * The cross-attention cache of a decoder, in float16: the cost of a step is reading it, and float16 halves that. kv [B,
 * T, 2 H D] float32, keys before values → keys [B, H, ⌈T / 16⌉, D, 16], values [B, H, T, ⌈D / 16⌉ 16].
 */
std::pair<mlx::core::array, mlx::core::array> cross_attention_cache(const mlx::core::array& kv, int heads, mlx::core::StreamOrDevice where);

/** q [B, Nq, H D] float32 over the whole cross-attention cache, unmasked → [B, Nq, H D]. Scaled by 1 / √D. */
mlx::core::array cross_attend(const mlx::core::array& q, const mlx::core::array& keys, const mlx::core::array& values,
                               mlx::core::StreamOrDevice where);

/** Rotary positions of the first `dims` numbers of each head, in adjacent pairs; none for 0 dims. */
struct Rotation {
  int dims = 0;
  /** Pair i turns by base^(-2 i / dims) a position. */
  double base = 1;
};

/**
 * Causal self-attention over a cache: qkv [B, T, 3 H D] float32, queries before keys before values, at positions from
 * `offset` → [B, T, H D]. Queries and keys are rotated first. Writes the new keys and values *in place* into the float32
 * buffers keys [B, H, C / 16, D, 16] and values [B, H, C, ⌈D / 16⌉ 16]; all arrays on that memory change. Ops of one
 * stream run in evaluation order.
 */
mlx::core::array attend_cached(const mlx::core::array& qkv, const mlx::core::array& keys, const mlx::core::array& values,
                               int offset, Rotation rotation, mlx::core::StreamOrDevice where);

/** Row i becomes row `rows[i]`, in new buffers in which only the first `filled` positions are defined. */
std::pair<mlx::core::array, mlx::core::array> reorder_cache(const mlx::core::array& keys, const mlx::core::array& values,
                                                            const std::vector<int>& rows, int filled, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu
