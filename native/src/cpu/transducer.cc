#include "transducer.h"

#include <algorithm>
#include <cmath>

#include "kernels.h"
#include "linear_loops.h"
#include "primitive.h"
#include "rows.h"

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

/** Frames that are scored against one prediction: a run of blanks costs one product. */
constexpr int64_t kFramesAtOnce = 8;

constexpr size_t kPerProduct = 4, kPerLayer = 3, kProducts = 3;
enum ProductIndex { kEmbedding, kProjection, kOutput };

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

/** The weights as given: `at[i]` is their place among the inputs of the op, or -1. */
struct Layout {
  std::vector<int> at;
  size_t layers;

  const mx::array* part(const std::vector<mx::array>& in, size_t i) const { return at[i] < 0 ? nullptr : &in[at[i]]; }
};

class DecodeTransducer : public CpuPrimitive {
 public:
  DecodeTransducer(mx::Stream stream, TransducerArgs args, Layout layout)
      : CpuPrimitive(stream), args_(std::move(args)), layout_(std::move(layout)) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    for (auto& out : outputs) allocate(out);
    queue(inputs, outputs, [in = weak(inputs), walk = weak(outputs[0]), logprobs = weak(outputs[1]), args = args_, layout = layout_]() mutable {
      run(in, args, layout, walk, logprobs);
    });
  }

  const char* name() const override { return "SottoDecodeTransducer"; }
  bool is_equivalent(const mx::Primitive&) const override { return false; }

 private:
  static void run(const std::vector<mx::array>& in, const TransducerArgs& args, const Layout& layout, mx::array& walk,
                  mx::array& logprobs) {
    const auto product = [&](ProductIndex which, const float* x, int64_t rows, int64_t k, int64_t n, float* to) {
      const size_t first = which * kPerProduct;
      Epilogue epilogue{to, n, n};
      if (const auto* bias = layout.part(in, first + 3)) epilogue.bias = bias->data<float>();
      run_linear({x, k}, rows, Norm{0}, view_of(*layout.part(in, first), n, layout.part(in, first + 1), layout.part(in, first + 2)), epilogue);
    };
    const int64_t T = in[0].shape(0), J = in[0].shape(1), blank = args.tokens, classes = blank + 1;
    const int64_t skips = static_cast<int64_t>(args.durations.size()), outputs = classes + skips;
    const mx::array& embedding = *layout.part(in, kEmbedding * kPerProduct);
    const Panels rows = view_of(embedding, classes, layout.part(in, 1), layout.part(in, 2));
    const int64_t U = rows.k;
    std::vector<float> state(layout.layers * 2 * U), x(U), gates(4 * U), prediction(J), joined(kFramesAtOnce * J),
        logits(kFramesAtOnce * outputs);

    int32_t* emitted = walk.data<int32_t>() + 3;
    float* scores = logprobs.data<float>() + 1;
    const float* frames = in[0].data<float>();
    int64_t frame = 0, symbols = 0, count = 0, token = blank;
    while (frame < T) {
      read_row(rows, token, x.data());
      for (size_t l = 0; l < layout.layers; ++l) {
        const size_t first = kProducts * kPerProduct + l * kPerLayer;
        step(*layout.part(in, first), *layout.part(in, first + 1), *layout.part(in, first + 2), U, state.data() + l * 2 * U, x.data(),
             gates.data());
      }
      product(kProjection, x.data(), 1, U, J, prediction.data());
      for (bool emits = false; !emits && frame < T;) {
        const int64_t from = frame, end = std::min(from + kFramesAtOnce, T);
        for (int64_t t = from; t < end; ++t) {
          for (int64_t j = 0; j < J; ++j) {
            const float sum = frames[t * J + j] + prediction[j];
            joined[(t - from) * J + j] = args.tanh ? std::tanh(sum) : std::max(sum, 0.0f);
          }
        }
        product(kOutput, joined.data(), end - from, J, outputs, logits.data());
        while (!emits && frame < end) {
          const float* row = logits.data() + (frame - from) * outputs;
          const ArgmaxResult best = kernels().argmax(row, classes);
          const int64_t skip = skips == 0 ? 0 : args.durations[std::max_element(row + classes, row + outputs) - row - classes];
          emits = best.index != blank;
          if (!emits) {
            frame += skips == 0 ? 1 : std::max<int64_t>(1, skip);  // a blank without progress would repeat itself
            symbols = 0;
            continue;
          }
          token = best.index;
          emitted[3 * count] = static_cast<int32_t>(token);
          emitted[3 * count + 1] = static_cast<int32_t>(frame);
          emitted[3 * count + 2] = static_cast<int32_t>(skip);
          scores[count++] = best.value - best.log_sum;
          if (++symbols >= args.max_symbols || skip > 0) {
            frame += std::max<int64_t>(1, skip);
            symbols = 0;
          }
        }
      }
    }
    emitted[-3] = static_cast<int32_t>(count);
    emitted[-2] = static_cast<int32_t>(frame);
    emitted[-1] = 0;
    std::fill(emitted + 3 * count, walk.data<int32_t>() + walk.size(), 0);
    std::fill(scores + count, logprobs.data<float>() + logprobs.size(), 0.0f);
    scores[-1] = 0;
  }

  /** One step of a recurrent layer: x becomes its output. state: output, then cell. */
  static void step(const mx::array& wx, const mx::array& wh, const mx::array& bias, int64_t U, float* state, float* x, float* gates) {
    Epilogue own{gates, 4 * U, 4 * U};
    own.bias = bias.data<float>();
    run_linear({x, U}, 1, Norm{0}, view_of(wx, 4 * U, nullptr, nullptr), own);
    Epilogue sum{gates, 4 * U, 4 * U};
    sum.residual = gates;
    sum.residual_stride = 4 * U;
    run_linear({state, U}, 1, Norm{0}, view_of(wh, 4 * U, nullptr, nullptr), sum);
    float* cell = state + U;
    for (int64_t u = 0; u < U; ++u) {
      cell[u] = sigmoid(gates[U + u]) * cell[u] + sigmoid(gates[u]) * std::tanh(gates[2 * U + u]);
      x[u] = state[u] = sigmoid(gates[3 * U + u]) * std::tanh(cell[u]);
    }
  }

  TransducerArgs args_;
  Layout layout_;
};

void require(bool fits, const char* what) {
  if (!fits) throw std::invalid_argument(what);
}

}  // namespace

std::vector<mx::array> decode_transducer(const mx::array& frames, std::vector<std::optional<mx::array>> all, const TransducerArgs& args,
                                         mx::StreamOrDevice where) {
  require(frames.ndim() == 2 && frames.size() > 0 && frames.dtype() == mx::float32, "[decodeTransducer] frames are float32 [T, J]");
  require(all.size() > kProducts * kPerProduct && (all.size() - kProducts * kPerProduct) % kPerLayer == 0,
          "[decodeTransducer] takes three products of four arrays each and recurrent layers of three");
  require(args.tokens > 0 && args.max_symbols > 0 && args.max_symbols <= 1000 && args.durations.size() <= 64,
          "[decodeTransducer] tokens and max_symbols must be positive");
  for (int d : args.durations) require(d >= 0, "[decodeTransducer] a duration is negative");
  const mx::Stream stream = mx::to_stream(where);
  const auto part = [&](size_t i) { return all[i] ? &*all[i] : nullptr; };
  const int64_t J = frames.shape(1), classes = static_cast<int64_t>(args.tokens) + 1, outputs = classes + static_cast<int64_t>(args.durations.size());
  const auto is_vector = [&](size_t i, int64_t n) {
    const mx::array* w = part(i);
    return w == nullptr || (w->dtype() == mx::float32 && w->ndim() == 1 && w->shape(0) == n);
  };
  for (size_t i = 0; i < kProducts; ++i) require(part(i * kPerProduct) != nullptr, "[decodeTransducer] a product has no weights");
  const int64_t U = check_weights(*part(0), part(1), part(2), classes);
  require(part(3) == nullptr, "[decodeTransducer] an embedding has no bias");
  check_weights(*part(4), part(5), part(6), J, U);
  check_weights(*part(8), part(9), part(10), outputs, J);
  require(is_vector(7, J) && is_vector(11, outputs), "[decodeTransducer] a bias is float32 [n]");
  const size_t layers = (all.size() - kProducts * kPerProduct) / kPerLayer;
  for (size_t i = kProducts * kPerProduct; i < all.size(); i += kPerLayer) {
    require(all[i] && all[i + 1] && all[i + 2], "[decodeTransducer] a recurrent layer is incomplete");
    for (size_t w : {i, i + 1}) {
      require(part(w)->dtype() != mx::uint8, "[decodeTransducer] recurrent layers are not quantized");
      check_weights(*part(w), nullptr, nullptr, 4 * U, U);
    }
    require(is_vector(i + 2, 4 * U), "[decodeTransducer] a bias is float32 [n]");
  }
  Layout layout{{}, layers};
  std::vector<mx::array> inputs{mx::contiguous(frames, false, stream)};
  for (auto& w : all) {
    layout.at.push_back(w ? static_cast<int>(inputs.size()) : -1);
    if (w) inputs.push_back(mx::contiguous(*w, false, stream));
  }
  const int64_t most = static_cast<int64_t>(frames.shape(0)) * args.max_symbols + 1;
  require(most < (1 << 26), "[decodeTransducer] too many frames");
  const auto n = static_cast<mx::ShapeElem>(most);
  return mx::array::make_arrays({{n, 3}, {n}}, {mx::int32, mx::float32},
                                std::make_shared<DecodeTransducer>(stream, args, std::move(layout)), inputs);
}

}  // namespace sotto::cpu
