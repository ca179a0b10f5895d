// A recurrence from row to row, which no device but the caller's own core is quick at.
#pragma once

#include <utility>

#include <mlx/mlx.h>

namespace sotto::cpu {

/**
 * An LSTM cell of U units over T steps. gates [T, 4 U]: what each step adds by itself, for the gates in, forget, cell and
 * out, U units each. wh: the weights [4 U, U] of the former step's output, float32 in panels. state [2, U]: that output
 * and the cell. → the outputs [T, U] and the state behind them [2, U]
 */
std::pair<mlx::core::array, mlx::core::array> lstm(const mlx::core::array& gates, const mlx::core::array& wh,
                                                   const mlx::core::array& state, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu
