#include "decoder_block.h"

#include "attention_loops.h"
#include "linear_loops.h"
#include "primitive.h"

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

enum Product { kQkv, kOut, kCrossQuery, kCrossOut, kMlp1, kMlp2, kProducts };
enum Around { kAttention, kCross, kMlp, kNorms };

constexpr size_t kPerProduct = 4;  // panels, scales, biases, bias
constexpr size_t kWeights = kProducts * kPerProduct + 2 * kNorms;
constexpr size_t kBefore = 5;  // inputs before the weights

const float* floats_or_null(const mx::array& x) { return x.size() == 0 ? nullptr : x.data<float>(); }

class DecoderBlock : public CpuPrimitive {
 public:
  DecoderBlock(mx::Stream stream, int offset, float eps) : CpuPrimitive(stream), offset_(offset), eps_(eps) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    allocate(outputs[0]);
    queue(inputs, outputs, [in = weak(inputs), o = weak(outputs[0]), offset = offset_, eps = eps_]() mutable {
      run(in, o, offset, eps);
    });
  }

  const char* name() const override { return "SottoDecoderBlock"; }
  /** Never the same: it writes. */
  bool is_equivalent(const mx::Primitive&) const override { return false; }

 private:
  static void run(std::vector<mx::array>& in, mx::array& out, int offset, float eps) {
    static thread_local std::vector<float> x_room, wide, attended, queries, hidden;
    const int64_t batch = out.shape(0), added = out.shape(1), d = out.shape(2), rows = batch * added;
    const int64_t hidden_width = in[kBefore + kMlp1 * kPerProduct].shape(0) * kPanel;
    const Rows x = rows_of(in[0], x_room);
    float* y = out.data<float>();

    const auto product = [&](Product which, Rows from, const Norm& norm, int64_t n, float* to, const Rows* residual, bool gelu) {
      const mx::array* w = &in[kBefore + which * kPerProduct];
      const bool packed = w[1].size() > 0;
      Finish finish{to, n, n};
      finish.bias = floats_or_null(w[3]);
      finish.gelu = gelu;
      if (residual) {
        finish.residual = residual->data;
        finish.residual_stride = residual->stride;
      }
      run_linear(from, rows, norm, view_of(w[0], n, packed ? &w[1] : nullptr, packed ? &w[2] : nullptr), finish);
    };
    const auto norm = [&](Around which) {
      const mx::array* w = &in[kBefore + kProducts * kPerProduct + 2 * which];
      return Norm{eps, floats_or_null(w[0]), floats_or_null(w[1])};
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
    attend_memory({query, d}, batch, added, in[3], in[4], seen);
    product(kCrossOut, {seen, d}, none, d, y, &so_far, false);

    float* middle = room_for(hidden, rows * hidden_width);
    product(kMlp1, so_far, norm(kMlp), hidden_width, middle, nullptr, true);
    product(kMlp2, {middle, hidden_width}, none, d, y, &so_far, false);
  }

  int offset_;
  float eps_;
};

void need(bool fits, const char* what) {
  if (!fits) throw std::invalid_argument(what);
}

}  // namespace

mx::array decoder_block(const mx::array& x, const mx::array& keys, const mx::array& values, const mx::array& memory_keys,
                        const mx::array& memory_values, const std::vector<std::optional<mx::array>>& weights, int offset, float eps,
                        mx::StreamOrDevice where) {
  need(x.ndim() == 3 && x.dtype() == mx::float32 && x.size() > 0, "[decoderBlock] x is float32 [B, T, D]");
  const int64_t d = x.shape(2);
  check_attended(keys, values, x.shape(0), d, mx::float32);
  check_attended(memory_keys, memory_values, x.shape(0), d, mx::float16);
  need(offset >= 0 && offset <= values.shape(2) - x.shape(1), "[decoderBlock] the positions do not fit the cache");
  need(weights.size() == kWeights, "[decoderBlock] takes six products of four arrays each and three norms of two");
  need(eps > 0 && d % kPanel == 0, "[decoderBlock] eps is above 0 and D a multiple of 16");
  const auto& mlp1 = weights[kMlp1 * kPerProduct];
  const int64_t hidden = mlp1 && mlp1->ndim() == 3 ? mlp1->shape(0) * kPanel : 0;
  const int64_t outputs[kProducts] = {3 * d, d, d, d, hidden, d}, inputs[kProducts] = {d, d, d, d, d, hidden};
  const auto part = [&](size_t i) { return weights[i] ? &*weights[i] : nullptr; };
  const auto is_vector = [&](size_t i, int64_t n) {
    const mx::array* w = part(i);
    return w == nullptr || (w->dtype() == mx::float32 && w->ndim() == 1 && w->shape(0) == n);
  };
  for (int i = 0; i < kProducts; ++i) {
    const size_t first = i * kPerProduct;
    need(weights[first].has_value(), "[decoderBlock] a product has no weights");
    check_weights(*weights[first], part(first + 1), part(first + 2), outputs[i], inputs[i]);
    need(is_vector(first + 3, outputs[i]), "[decoderBlock] a bias is float32 [n]");
  }
  for (size_t i = kProducts * kPerProduct; i < kWeights; ++i) {
    need(is_vector(i, d), "[decoderBlock] a norm's weight and bias are float32 [D]");
  }
  std::vector<mx::array> all{x, keys, values, memory_keys, memory_values};
  const mx::array missing(std::initializer_list<float>{});
  for (auto& weight : weights) all.push_back(weight ? *weight : missing);
  return mx::array(x.shape(), mx::float32, std::make_shared<DecoderBlock>(mx::to_stream(where), offset, eps), std::move(all));
}

}  // namespace sotto::cpu
