// Greedy decoding of a transducer in one op: prediction network, joint and walk, without a trip to the host for each token.
#pragma once

#include <optional>
#include <vector>

#include <mlx/mlx.h>

#include "kernels.h"

namespace sotto::cpu {

struct TransducerArgs {
  int tokens;                  // without the blank, whose id is this number
  std::vector<int> durations;  // frames that a choice may skip; empty for a transducer without
  int max_symbols;             // of a frame
  bool tanh;                   // the joint's activation; ReLU otherwise
};

/**
 * frames [T, J]: the encoder's features, projected for the joint. weights: panels, scales, biases and bias of the embedding
 * (tokens + 1 rows), of the prediction's projection (J) and of the output layer (tokens + 1 + durations); then panels Wx, panels
 * Wh and bias [4 U] of each recurrent layer, gates in the order in, forget, cell, out. Missing arrays only among scales and
 * biases.
 *
 * → walk int32 [1 + n, 3]: first (emissions, next frame, 0), then token, frame and frames skipped of each emission; log
 * probabilities [1 + n], the first unused. n is the largest possible number of emissions.
 */
std::vector<mlx::core::array> decode_transducer(const mlx::core::array& frames, std::vector<std::optional<mlx::core::array>> weights,
                                                const TransducerArgs& args, mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu
