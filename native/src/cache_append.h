// Appends the keys and values of a step to a cache's buffer.
#pragma once

#include <vector>

#include <mlx/mlx.h>

namespace sotto {

/**
 * qkv [B, T, 3 × H × D] holds queries, keys, values in this order; the buffer [2 × B, H, C, D] holds the keys of all
 * rows before their values → queries [B, H, T, D], keys and values up to the new ones [B, H, position + T, D], the
 * buffer.
 *
 * Only the new keys and values are copied: the queries are a view of qkv, the other outputs share the buffer's memory.
 * After evaluation all arrays on that memory contain the new positions. MLX's own update copies a buffer that a queued
 * step holds.
 *
 * @throws std::invalid_argument for a shape, dtype or position that does not fit
 */
std::vector<mlx::core::array> append_in_place(mlx::core::array qkv, mlx::core::array buffer, int position,
                                              mlx::core::StreamOrDevice where);

}  // namespace sotto
