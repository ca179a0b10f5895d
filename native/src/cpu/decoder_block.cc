#include "decoder_block.h"

#include "attention_loops.h"
#include "linear_loops.h"
#include "primitive.h"

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

enum ProductIndex { kQkv, kOut, kCrossQuery, kCrossOut, kMlp1, kMlp2, kProducts };
enum NormIndex { kAttention, kCross, kMlp, kNorms };

constexpr size_t kPerProduct = 4;  // panels, scales, biases, bias
constexpr size_t kNormsOffset = kProducts * kPerProduct;
constexpr size_t kWeights = kNormsOffset + 2 * kNorms;

void require(bool fits, const char* what) {
  if (!fits) throw std::invalid_argument(what);
}

/** The evaluated and checked weights of a block. */
struct Weights {
  std::vector<std::optional<mx::array>> arrays;
  int64_t width, hidden;

  const mx::array* part(size_t i) const { return arrays[i] ? &*arrays[i] : nullptr; }
  const float* floats(size_t i) const { return arrays[i] ? arrays[i]->data<float>() : nullptr; }
};

using SharedWeights = std::shared_ptr<const Weights>;

/** Primitive of the array that represents all weights. */
class WeightBundle : public CpuPrimitive {
 public:
  WeightBundle(mx::Stream stream, SharedWeights weights) : CpuPrimitive(stream), weights(std::move(weights)) {}

  void eval_cpu(const std::vector<mx::array>&, std::vector<mx::array>&) override {
    throw std::invalid_argument("[decoderWeights] has no value; pass it to decoderBlock");
  }
  const char* name() const override { return "SottoDecoderWeights"; }

  const SharedWeights weights;
};

class DecoderBlock : public CpuPrimitive {
 public:
  DecoderBlock(mx::Stream stream, SharedWeights weights, int offset, float eps)
      : CpuPrimitive(stream), weights_(std::move(weights)), offset_(offset), eps_(eps) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    allocate(outputs[0]);
    queue(inputs, outputs, [in = weak(inputs), o = weak(outputs[0]), w = weights_, offset = offset_, eps = eps_]() mutable {
      run(in, *w, o, offset, eps);
    });
  }

  const char* name() const override { return "SottoDecoderBlock"; }
  /** Never equivalent, because it writes. */
  bool is_equivalent(const mx::Primitive&) const override { return false; }

 private:
  static void run(std::vector<mx::array>& in, const Weights& w, mx::array& out, int offset, float eps) {
    static thread_local std::vector<float> x_room, wide, attended, queries, hidden;
    const int64_t batch = out.shape(0), added = out.shape(1), d = w.width, rows = batch * added;
    const Rows x = rows_of(in[0], x_room);
    float* y = out.data<float>();

    const auto product = [&](ProductIndex which, Rows from, const Norm& norm, int64_t n, float* to, const Rows* residual, bool gelu) {
      const size_t first = which * kPerProduct;
      Epilogue epilogue{to, n, n};
      epilogue.bias = w.floats(first + 3);
      if (gelu) epilogue.activation = Activation::gelu;
      if (residual) {
        epilogue.residual = residual->data;
        epilogue.residual_stride = residual->stride;
      }
      run_linear(from, rows, norm, view_of(*w.part(first), n, w.part(first + 1), w.part(first + 2)), epilogue);
    };
    const auto norm = [&](NormIndex which) {
      return Norm{eps, w.floats(kNormsOffset + 2 * which), w.floats(kNormsOffset + 2 * which + 1)};
    };
    const Norm none{0};
    const Rows so_far{y, d};

    float* qkv = room_for(wide, rows * 3 * d);
    float* seen = room_for(attended, rows * d);
    product(kQkv, x, norm(kAttention), 3 * d, qkv, nullptr, false);
    attend_cached({qkv, 3 * d}, batch, added, offset, in[1], in[2], seen);
    product(kOut, {seen, d}, none, d, y, &x, false);

    float* query = room_for(queries, rows * d);
    product(kCrossQuery, so_far, norm(kCross), d, query, nullptr, false);
    cross_attend({query, d}, batch, added, in[3], in[4], seen);
    product(kCrossOut, {seen, d}, none, d, y, &so_far, false);

    float* middle = room_for(hidden, rows * w.hidden);
    product(kMlp1, so_far, norm(kMlp), w.hidden, middle, nullptr, true);
    product(kMlp2, {middle, w.hidden}, none, d, y, &so_far, false);
  }

  SharedWeights weights_;
  int offset_;
  float eps_;
};

}  // namespace

mx::array decoder_weights(std::vector<std::optional<mx::array>> all, mx::StreamOrDevice where) {
  require(all.size() == kWeights, "[decoderWeights] takes six products of four arrays each and three norms of two");
  for (size_t i = 0; i < kNormsOffset; i += kPerProduct) require(all[i].has_value(), "[decoderWeights] a product has no weights");
  const auto panels = [&](ProductIndex which) -> const mx::array& { return *all[which * kPerProduct]; };
  require(panels(kOut).ndim() == 3 && panels(kMlp1).ndim() == 3, "[decoderWeights] weights are panels [n / 16, k, 16]");
  const int64_t d = panels(kOut).shape(1), hidden = panels(kMlp1).shape(0) * kPanel;
  require(d % kPanel == 0, "[decoderWeights] the width must be a multiple of 16");

  const int64_t outputs[kProducts] = {3 * d, d, d, d, hidden, d}, inputs[kProducts] = {d, d, d, d, d, hidden};
  const auto part = [&](size_t i) { return all[i] ? &*all[i] : nullptr; };
  const auto is_vector = [&](size_t i, int64_t n) {
    const mx::array* w = part(i);
    return w == nullptr || (w->dtype() == mx::float32 && w->ndim() == 1 && w->shape(0) == n);
  };
  for (int i = 0; i < kProducts; ++i) {
    const size_t first = i * kPerProduct;
    check_weights(*all[first], part(first + 1), part(first + 2), outputs[i], inputs[i]);
    require(is_vector(first + 3, outputs[i]), "[decoderWeights] a bias is float32 [n]");
  }
  for (size_t i = kNormsOffset; i < kWeights; ++i) require(is_vector(i, d), "[decoderWeights] a norm's weight and bias are float32 [D]");

  std::vector<mx::array> to_read;
  for (auto& w : all) {
    if (!w || (w->is_available() && w->flags().row_contiguous)) continue;
    w = mx::contiguous(*w, false, where);
    to_read.push_back(*w);
  }
  if (!to_read.empty()) mx::eval(to_read);
  auto held = std::make_shared<const Weights>(Weights{std::move(all), d, hidden});
  return mx::array(mx::Shape{}, mx::float32, std::make_shared<WeightBundle>(mx::to_stream(where), std::move(held)), {});
}

mx::array decoder_block(const mx::array& x, const mx::array& keys, const mx::array& values, const mx::array& cross_keys,
                        const mx::array& cross_values, const mx::array& weights, int offset, float eps, mx::StreamOrDevice where) {
  const auto* bundle = weights.has_primitive() ? dynamic_cast<const WeightBundle*>(&weights.primitive()) : nullptr;
  require(bundle != nullptr, "[decoderBlock] weights must come from decoderWeights");
  const int64_t d = bundle->weights->width;
  require(x.ndim() == 3 && x.dtype() == mx::float32 && x.size() > 0 && x.shape(2) == d, "[decoderBlock] x is float32 [B, T, D]");
  check_cache(keys, values, x.shape(0), d, mx::float32);
  check_cache(cross_keys, cross_values, x.shape(0), d, mx::float16);
  require(offset >= 0 && offset <= values.shape(2) - x.shape(1), "[decoderBlock] the positions do not fit the cache");
  require(eps > 0, "[decoderBlock] eps must be above 0");
  return mx::array(x.shape(), mx::float32, std::make_shared<DecoderBlock>(mx::to_stream(where), bundle->weights, offset, eps),
                   {x, keys, values, cross_keys, cross_values});
}

}  // namespace sotto::cpu
