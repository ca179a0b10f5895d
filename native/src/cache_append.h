// A step's keys and values, appended to the buffer of a cache.
#pragma once

#include <vector>

#include <mlx/mlx.h>

namespace sotto {

/**
 * qkv [B, T, 3 × H × D], queries before keys before values, and a buffer [2 × B, H, C, D], the keys of all rows before their
 * values → queries [B, H, T, D], keys and values of all positions up to the new ones [B, H, position + T, D], the buffer.
 *
 * Nothing is copied but the new keys and values: the queries are a view of qkv, the others are the buffer's own memory. When it
 * is evaluated, all who refer to the buffer see what was appended. MLX's own update copies a buffer that a queued step holds.
 *
 * @throws std::invalid_argument for shapes, types or a position that do not fit
 */
std::vector<mlx::core::array> append_in_place(mlx::core::array qkv, mlx::core::array buffer, int position,
                                              mlx::core::StreamOrDevice where);

}  // namespace sotto
