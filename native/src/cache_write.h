// A step's keys or values, written into the buffer of a cache.
#pragma once

#include <mlx/mlx.h>

namespace sotto {

/**
 * buffer [R, H, C, D] with update [R, H, T, D] at the positions from `position` on. It is the same memory: when it is
 * evaluated, all who refer to the buffer see the update. MLX's own update copies the buffer while a queued step holds it.
 *
 * @throws std::invalid_argument for shapes, types or a position that do not fit
 */
mlx::core::array write_in_place(mlx::core::array buffer, mlx::core::array update, int position, mlx::core::StreamOrDevice where);

}  // namespace sotto
