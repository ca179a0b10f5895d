#include "transducer_walk.h"

#include <algorithm>
#include <cmath>

#include "kernels.h"
#include "linear_loops.h"
#include "rows.h"

namespace sotto::cpu {

namespace {

/** Frames that are scored against one prediction: after a token, and again in a run of blanks. */
constexpr int64_t kFirstFrames = 4, kMoreFrames = 8;
/** Rows of a product over all lanes. A product of more than 48 would be computed another way and differ in the last bits. */
constexpr int64_t kRows = 32;

/** A lane on its way. */
struct Walker {
  TransducerLane lane;
  const float* prediction = nullptr;  // [J]
  int64_t count = 0, token = 0, scored = 0;
  bool emits = true;

  bool is_done(int64_t limit) const { return lane.frame >= lane.frames || count >= limit; }
};
using Walkers = std::vector<Walker*>;

class TransducerWalk {
 public:
  TransducerWalk(const TransducerNetwork& network, const TransducerRules& rules)
      : net_(network), rules_(rules), classes_(rules.tokens + 1), outputs_(network.output.panels.n) {}

  void run(const std::vector<TransducerLane>& lanes) {
    std::vector<Walker> all;
    for (const auto& lane : lanes) all.push_back({lane});
    predictions_.resize(all.size() * net_.J);
    Walkers active;
    for (size_t i = 0; i < all.size(); ++i) {
      all[i].prediction = predictions_.data() + i * net_.J;
      active.push_back(&all[i]);
    }
    for (Walkers emitting = active;;) {
      predict(emitting);
      active.erase(std::remove_if(active.begin(), active.end(), [&](const Walker* w) { return w->is_done(rules_.limit); }), active.end());
      if (active.empty()) break;
      choose(active);
      emitting.clear();
      std::copy_if(active.begin(), active.end(), std::back_inserter(emitting), [](const Walker* w) { return w->emits; });
      step(emitting);
    }
    for (const auto& w : all) finish(w);
  }

 private:
  /** Projects the output of the last layer for the joint. */
  void predict(const Walkers& walkers) {
    const auto rows = static_cast<int64_t>(walkers.size());
    if (rows == 0) return;
    const int64_t last = static_cast<int64_t>(net_.layers.size() - 1) * 2 * net_.U;
    for (int64_t i = 0; i < rows; ++i) std::copy_n(walkers[i]->lane.state + last, net_.U, room_for(x_, rows * net_.U) + i * net_.U);
    float* projected = room_for(projected_, rows * net_.J);
    product(net_.projection, x_.data(), rows, projected);
    for (int64_t i = 0; i < rows; ++i)
      std::copy_n(projected + i * net_.J, net_.J, predictions_.data() + (walkers[i]->prediction - predictions_.data()));
  }

  /** Moves each lane over blanks to its next token, or over the frames that are scored at once. */
  void choose(const Walkers& walkers) {
    const int64_t each = kRows / static_cast<int64_t>(walkers.size());
    float* joined = room_for(joined_, kRows * net_.J);
    int64_t rows = 0;
    for (Walker* w : walkers) {
      w->scored = std::min({each, w->emits ? kFirstFrames : kMoreFrames, w->lane.frames - w->lane.frame});
      for (int64_t i = 0; i < w->scored; ++i)
        join(w->lane.features + (w->lane.frame + i) * net_.J, w->prediction, joined + rows++ * net_.J);
    }
    float* logits = room_for(logits_, rows * outputs_);
    product(net_.output, joined, rows, logits);
    for (Walker* w : walkers) {
      walk(*w, logits);
      logits += w->scored * outputs_;
    }
  }

  void walk(Walker& w, const float* logits) const {
    const int64_t skips = outputs_ - classes_;
    auto& [features, frames, frame, symbols, state, emitted, logprobs] = w.lane;
    const int64_t from = frame, end = from + w.scored;
    w.emits = false;
    while (!w.emits && frame < end) {
      const float* row = logits + (frame - from) * outputs_;
      const ArgmaxResult best = kernels().argmax(row, classes_);
      const int64_t skip = skips == 0 ? 0 : rules_.durations[std::max_element(row + classes_, row + outputs_) - row - classes_];
      w.emits = best.index != rules_.tokens;
      if (!w.emits) {
        frame += std::max<int64_t>(1, skip);  // a blank without progress would repeat itself
        symbols = 0;
        continue;
      }
      w.token = best.index;
      ++w.count;
      emitted[3 * w.count] = static_cast<int32_t>(w.token);
      emitted[3 * w.count + 1] = static_cast<int32_t>(frame);
      emitted[3 * w.count + 2] = static_cast<int32_t>(skip);
      logprobs[w.count] = best.value - best.log_sum;
      if (++symbols >= rules_.max_symbols || skip > 0) {
        frame += std::max<int64_t>(1, skip);
        symbols = 0;
      }
    }
  }

  /** Runs the prediction network over the last token of each lane. */
  void step(const Walkers& walkers) {
    const auto rows = static_cast<int64_t>(walkers.size());
    const int64_t U = net_.U;
    if (rows == 0) return;
    float* x = room_for(x_, rows * U);
    float* outputs = room_for(outputs_before_, rows * U);
    float* gates = room_for(gates_, rows * 4 * U);
    for (int64_t i = 0; i < rows; ++i) read_row(net_.embedding, walkers[i]->token, x + i * U);
    for (size_t l = 0; l < net_.layers.size(); ++l) {
      const auto& layer = net_.layers[l];
      for (int64_t i = 0; i < rows; ++i) std::copy_n(walkers[i]->lane.state + l * 2 * U, U, outputs + i * U);
      Epilogue own{gates, 4 * U, 4 * U};
      own.bias = layer.bias;
      run_linear({x, U}, rows, Norm{0}, layer.input, own);
      Epilogue sum{gates, 4 * U, 4 * U};
      sum.residual = gates;
      sum.residual_stride = 4 * U;
      run_linear({outputs, U}, rows, Norm{0}, layer.recurrent, sum);
      for (int64_t i = 0; i < rows; ++i) {
        float* state = walkers[i]->lane.state + l * 2 * U;
        kernels().lstm_cell(gates + i * 4 * U, U, state + U, state);
        std::copy_n(state, U, x + i * U);
      }
    }
  }

  void finish(const Walker& w) const {
    const int64_t unused = rules_.limit - w.count;
    w.lane.walk[0] = static_cast<int32_t>(w.count);
    w.lane.walk[1] = static_cast<int32_t>(w.lane.frame);
    w.lane.walk[2] = static_cast<int32_t>(w.lane.symbols);
    w.lane.logprobs[0] = 0;
    std::fill_n(w.lane.walk + 3 * (1 + w.count), 3 * unused, 0);
    std::fill_n(w.lane.logprobs + 1 + w.count, unused, 0.0f);
  }

  void product(const TransducerProduct& w, const float* x, int64_t rows, float* to) const {
    Epilogue epilogue{to, w.panels.n, w.panels.n};
    epilogue.bias = w.bias;
    run_linear({x, w.panels.k}, rows, Norm{0}, w.panels, epilogue);
  }

  void join(const float* frame, const float* prediction, float* to) const {
    if (rules_.tanh) {
      for (int64_t j = 0; j < net_.J; ++j) to[j] = std::tanh(frame[j] + prediction[j]);
    } else {
      for (int64_t j = 0; j < net_.J; ++j) to[j] = std::max(frame[j] + prediction[j], 0.0f);
    }
  }

  const TransducerNetwork& net_;
  const TransducerRules& rules_;
  const int64_t classes_, outputs_;
  std::vector<float> predictions_;  // [lanes, J]
  std::vector<float> x_, outputs_before_, gates_, projected_, joined_, logits_;
};

}  // namespace

void walk_transducer(const TransducerNetwork& network, const TransducerRules& rules, const std::vector<TransducerLane>& lanes) {
  TransducerWalk(network, rules).run(lanes);
}

}  // namespace sotto::cpu
