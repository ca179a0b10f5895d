#include "transducer.h"

#include <algorithm>

#include "linear_loops.h"
#include "primitive.h"
#include "rows.h"
#include "transducer_walk.h"

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

/** More would leave no rows of a product for a lane's frames. */
constexpr int64_t kMaxLanes = 16;

/** Places among the inputs of the op, and in the list of weights. */
constexpr size_t kFrames = 0, kWalk = 1, kState = 2;
constexpr size_t kPerProduct = 4, kPerLayer = 3, kProducts = 3;

/** The weights as given: `at[i]` is their place among the inputs of the op, or -1. */
struct Layout {
  std::vector<int> at;

  const mx::array* part(const std::vector<mx::array>& in, size_t i) const { return at[i] < 0 ? nullptr : &in[at[i]]; }
  size_t layers() const { return (at.size() - kProducts * kPerProduct) / kPerLayer; }
};

class DecodeTransducer : public CpuPrimitive {
 public:
  DecodeTransducer(mx::Stream stream, TransducerRules rules, Layout layout)
      : CpuPrimitive(stream), rules_(std::move(rules)), layout_(std::move(layout)) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    for (auto& out : outputs) allocate(out);
    queue(inputs, outputs, [in = weak(inputs), out = weak(outputs), rules = rules_, layout = layout_]() mutable {
      walk_transducer(network_of(in, rules, layout), rules, lanes_of(in, rules, out));
    });
  }

  const char* name() const override { return "SottoDecodeTransducer"; }
  bool is_equivalent(const mx::Primitive&) const override { return false; }

 private:
  static TransducerNetwork network_of(const std::vector<mx::array>& in, const TransducerRules& rules, const Layout& layout) {
    const auto panels = [&](size_t i, int64_t n) { return view_of(*layout.part(in, i), n, layout.part(in, i + 1), layout.part(in, i + 2)); };
    const auto bias = [&](size_t i) { return layout.part(in, i) ? layout.part(in, i)->data<float>() : nullptr; };
    const int64_t J = in[kFrames].shape(2), U = in[kState].shape(2), classes = rules.tokens + 1;
    TransducerNetwork net{J, U, panels(0, classes), {panels(4, J), bias(7)}, {panels(8, classes + std::ssize(rules.durations)), bias(11)}, {}};
    for (size_t l = 0; l < layout.layers(); ++l) {
      const size_t first = kProducts * kPerProduct + l * kPerLayer;
      const auto plain = [&](size_t i) { return view_of(*layout.part(in, i), 4 * U, nullptr, nullptr); };
      net.layers.push_back({plain(first), plain(first + 1), bias(first + 2)});
    }
    return net;
  }

  static std::vector<TransducerLane> lanes_of(const std::vector<mx::array>& in, const TransducerRules& rules, std::vector<mx::array>& out) {
    const auto &frames = in[kFrames], &walk = in[kWalk], &state = in[kState];
    std::copy_n(state.data<float>(), state.size(), out[2].data<float>());
    std::vector<TransducerLane> lanes;
    const int64_t of_frames = frames.shape(1) * static_cast<int64_t>(frames.shape(2)), of_state = state.shape(1) * static_cast<int64_t>(state.shape(2));
    for (int64_t b = 0; b < frames.shape(0); ++b) {
      const int32_t* start = walk.data<int32_t>() + 3 * b;
      lanes.push_back({frames.data<float>() + b * of_frames, std::clamp<int64_t>(start[2], 0, frames.shape(1)), std::max(start[0], 0),
                       std::max(start[1], 0), out[2].data<float>() + b * of_state, out[0].data<int32_t>() + b * 3 * (1 + rules.limit),
                       out[1].data<float>() + b * (1 + rules.limit)});
    }
    return lanes;
  }

  TransducerRules rules_;
  Layout layout_;
};

void require(bool fits, const char* what) {
  if (!fits) throw std::invalid_argument(what);
}

}  // namespace

std::vector<mx::array> decode_transducer(const mx::array& frames, const mx::array& walk, const mx::array& state,
                                         std::vector<std::optional<mx::array>> all, const TransducerArgs& args, mx::StreamOrDevice where) {
  require(frames.ndim() == 3 && frames.size() > 0 && frames.dtype() == mx::float32 && frames.shape(0) <= kMaxLanes,
          "[decodeTransducer] frames are float32 [B, T, J], B at most 16");
  require(all.size() > kProducts * kPerProduct && (all.size() - kProducts * kPerProduct) % kPerLayer == 0,
          "[decodeTransducer] takes three products of four arrays each and recurrent layers of three");
  require(args.tokens > 0 && args.max_symbols > 0 && args.max_symbols <= 1000 && args.durations.size() <= 64,
          "[decodeTransducer] tokens and max_symbols must be positive");
  require(args.limit > 0 && args.limit < (1 << 20), "[decodeTransducer] the limit must be positive and below 2^20");
  for (int d : args.durations) require(d >= 0, "[decodeTransducer] a duration is negative");
  const mx::Stream stream = mx::to_stream(where);
  const auto part = [&](size_t i) { return all[i] ? &*all[i] : nullptr; };
  const mx::ShapeElem B = frames.shape(0), n = 1 + args.limit;
  const int64_t J = frames.shape(2), classes = static_cast<int64_t>(args.tokens) + 1, outputs = classes + std::ssize(args.durations);
  const auto is_vector = [&](size_t i, int64_t size) {
    const mx::array* w = part(i);
    return w == nullptr || (w->dtype() == mx::float32 && w->ndim() == 1 && w->shape(0) == size);
  };
  for (size_t i = 0; i < kProducts; ++i) require(part(i * kPerProduct) != nullptr, "[decodeTransducer] a product has no weights");
  const int64_t U = check_weights(*part(0), part(1), part(2), classes);
  require(part(3) == nullptr, "[decodeTransducer] an embedding has no bias");
  check_weights(*part(4), part(5), part(6), J, U);
  check_weights(*part(8), part(9), part(10), outputs, J);
  require(is_vector(7, J) && is_vector(11, outputs), "[decodeTransducer] a bias is float32 [n]");
  for (size_t i = kProducts * kPerProduct; i < all.size(); i += kPerLayer) {
    require(all[i] && all[i + 1] && all[i + 2], "[decodeTransducer] a recurrent layer is incomplete");
    for (size_t w : {i, i + 1}) {
      require(part(w)->dtype() != mx::uint8, "[decodeTransducer] recurrent layers are not quantized");
      check_weights(*part(w), nullptr, nullptr, 4 * U, U);
    }
    require(is_vector(i + 2, 4 * U), "[decodeTransducer] a bias is float32 [n]");
  }
  const auto layers = static_cast<int64_t>((all.size() - kProducts * kPerProduct) / kPerLayer);
  require(walk.dtype() == mx::int32 && walk.shape() == mx::Shape{B, 3}, "[decodeTransducer] walk is int32 [B, 3]");
  require(state.dtype() == mx::float32 && state.ndim() == 3 && state.shape(0) == B && state.shape(1) == 2 * layers && state.shape(2) == U,
          "[decodeTransducer] state is float32 [B, 2 L, U]");
  Layout layout;
  const auto whole = [&](const mx::array& x) { return mx::contiguous(x, false, stream); };
  std::vector<mx::array> inputs{whole(frames), whole(walk), whole(state)};
  for (auto& w : all) {
    layout.at.push_back(w ? static_cast<int>(inputs.size()) : -1);
    if (w) inputs.push_back(whole(*w));
  }
  TransducerRules rules{args.tokens, args.durations, args.max_symbols, args.limit, args.tanh};
  return mx::array::make_arrays({{B, n, 3}, {B, n}, state.shape()}, {mx::int32, mx::float32, mx::float32},
                                std::make_shared<DecodeTransducer>(stream, std::move(rules), std::move(layout)), inputs);
}

}  // namespace sotto::cpu
