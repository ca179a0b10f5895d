// An LSTM, whose sequential steps run fastest on a single core.
#pragma once

#include <utility>

#include <mlx/mlx.h>

namespace sotto::cpu {

/**
 * An LSTM cell of U units over T steps. gates [T, 4 U]: the input's share of the gates in, forget, cell, out, U units
 * each. wh: the recurrent weights [4 U, U], float32 in panels. state [2, U]: last output and cell → the outputs [T, U]
 * and the new state [2, U].
 */
std::pair<mlx::core::array, mlx::core::array> lstm(const mlx::core::array& gates, const mlx::core::array& wh,
                                                   const mlx::core::array& state, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu
