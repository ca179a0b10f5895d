// Relative attention over audio that arrives in chunks, in float32.
#pragma once

#include <optional>
#include <utility>

#include <mlx/mlx.h>

namespace sotto::cpu {

/**
 * The frames of a chunk attend to each other and to `K` frames before the chunk. qkv [1, T, 3 H D]: queries before keys before
 * values, in chunks of `chunk` frames R; the last one may have fewer. past [1, C, 2 H D]: keys before values of the C ≤ K frames
 * before them, absent at the start. distances [K + 2 R - 1, H D]: the keys of the distances K + R - 1 … -(R - 1). u, v [H, D]:
 * biases of the queries for content and for distance → [1, T, H D], and the last K frames of `past` and `qkv`, [1, ≤ K, 2 H D].
 *
 * Each chunk is computed alone: its bits don't depend on the number of chunks in a call.
 */
std::pair<mlx::core::array, mlx::core::array> causal_attention(const mlx::core::array& qkv, const mlx::core::array& distances,
                                                               const mlx::core::array& u, const mlx::core::array& v, int chunk,
                                                               const std::optional<mlx::core::array>& past,
                                                               mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu
