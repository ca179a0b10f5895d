// Self-attention with relative positions (Transformer-XL, arXiv 1901.02860), in float32.
#pragma once

#include <optional>

#include <mlx/mlx.h>

namespace sotto::cpu {

/**
 * qkv [B, T, 3 H D]: queries before keys before values. distances [2 T - 1, H D]: the keys of the distances T - 1 … -(T - 1), or with
 * `back`, [P, H D]: those of back … back + 1 - P, the only ones that a query sees.
 * u, v [H, D]: biases of the queries for content and for distance → [B, T, H D]. Scores are ((q + u) kᵀ + (q + v) dᵀ) / √D,
 * where query i and key j read distance i - j.
 */
mlx::core::array relative_attention(const mlx::core::array& qkv, const mlx::core::array& distances, const mlx::core::array& u,
                                    const mlx::core::array& v, std::optional<int> back, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu
