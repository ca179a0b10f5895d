// The loop of greedy transducer decoding, over evaluated memory and several sequences side by side.
#pragma once

#include <cstdint>
#include <vector>

#include "panels.h"

namespace sotto::cpu {

/** A product of the networks; no weights if `panels.n` is 0. */
struct TransducerProduct {
  Panels panels;
  const float* bias;  // or null
};

/** Weights and sizes. A layer reads the output of the one before it. */
struct TransducerNetwork {
  struct Layer {
    Panels input, recurrent;  // [4 U, U]
    const float* bias;        // [4 U]
  };
  int64_t J, U;
  Panels embedding;              // [tokens + 1, U]
  TransducerProduct projection;  // [J, U]
  TransducerProduct output;      // [tokens + 1 + durations, J]
  std::vector<Layer> layers;
};

struct TransducerRules {
  int64_t tokens;
  std::vector<int> durations;
  int64_t max_symbols;
  int64_t limit;
  bool tanh;
};

/** One sequence. */
struct TransducerLane {
  const float* features;  // [frames, J]
  int64_t frames;
  int64_t frame;    // the next one; beyond the last if a duration reaches over it
  int64_t symbols;  // that it has emitted
  float* state;     // [2 L, U], in place
  int32_t* walk;    // [1 + limit, 3]
  float* logprobs;  // [1 + limit]
};

/** Decodes all lanes to their ends or limits. */
void walk_transducer(const TransducerNetwork&, const TransducerRules&, const std::vector<TransducerLane>& lanes);

}  // namespace sotto::cpu
