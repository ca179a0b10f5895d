// Greedy decoding of transducers in one op: prediction network, joint and walk, without a trip to the host for each token.
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
  int limit;                   // emissions of a sequence, after which it stops
  bool tanh;                   // the joint's activation; ReLU otherwise
};

/**
 * Decodes B sequences side by side, so that weights are read once for all of them; each gets the same bits as alone.
 *
 * frames [B, T, J]: the encoder's features, projected for the joint. walk int32 [B, 3]: of each sequence the frame to start at,
 * the symbols that it has emitted, and the number of frames. state [B, 2 L, U]: output and cell of each recurrent layer after
 * the last token. weights: panels, scales, biases and bias of the embedding (tokens + 1 rows), of the prediction's projection (J)
 * and of the output layer (tokens + 1 + durations); then panels Wx, panels Wh and bias [4 U] of each recurrent layer, gates in the
 * order in, forget, cell, out. Missing arrays only among scales and biases.
 *
 * → walk int32 [B, 1 + limit, 3]: first (emissions, next frame, symbols), then token, frame and frames skipped of each emission;
 * log probabilities [B, 1 + limit], the first unused; state [B, 2 L, U] after the last token. A sequence stops at its last frame
 * (the next one may lie beyond it) or at the limit.
 */
std::vector<mlx::core::array> decode_transducer(const mlx::core::array& frames, const mlx::core::array& walk, const mlx::core::array& state,
                                                std::vector<std::optional<mlx::core::array>> weights, const TransducerArgs& args,
                                                mlx::core::StreamOrDevice where);

}  // namespace sotto::cpu
