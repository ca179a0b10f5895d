#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels.h"
#include "parallel.h"
#include "product.h"
#include "vector_math.h"

#include <mlx/backend/cpu/encoder.h>
#include <mlx/primitives.h>

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

// Rows of scores worked on at once: 256 rows of 1500 keys are 1.5 MB, which stays in a core's second-level cache.
constexpr int64_t kBlockRows = 256;

/** In place: x[i] = e^(scale x[i] - max) / sum, over the first `filled` of `n` entries; the others become 0. */
SOTTO_CLONES void softmax_row(float* x, int64_t filled, int64_t n, float scale) {
  float most = -std::numeric_limits<float>::infinity();
  int64_t i = 0;
  if (filled >= kLanes) {
    Lanes best = load(x);
    for (i = kLanes; i + kLanes <= filled; i += kLanes) best = max(best, load(x + i));
    most = max_of(best);
  }
  for (; i < filled; ++i) most = std::max(most, x[i]);

  const Lanes shift = splat(most * scale);
  Lanes sums{};
  for (i = 0; i + kLanes <= filled; i += kLanes) {
    const Lanes e = exp(load(x + i) * scale - shift);
    store(x + i, e);
    sums += e;
  }
  if (i < filled) {  // the tail, padded with what e^ makes 0
    float tail[kLanes];
    std::fill(tail, tail + kLanes, -std::numeric_limits<float>::infinity());
    std::copy(x + i, x + filled, tail);
    const Lanes e = exp(load(tail) * scale - shift);
    store(tail, e);
    std::copy(tail, tail + (filled - i), x + i);
    sums += e;
  }
  const float inverse = 1.0f / sum(sums);
  for (i = 0; i + kLanes <= filled; i += kLanes) store(x + i, load(x + i) * inverse);
  for (; i < filled; ++i) x[i] *= inverse;
  std::fill(x + filled, x + n, 0.0f);
}

/** One head: rows are `stride` floats apart. */
struct Matrix {
  float* data;
  int64_t stride;
};

/** Rows [row, row + rows) of one head: out = softmax(scale q kᵀ) v, with `scores` as room for rows x nk. */
void attend(Matrix q, Matrix k, Matrix v, Matrix out, int64_t row, int64_t rows, int64_t nq, int64_t nk, int64_t d,
            float scale, bool causal, float* scores) {
  multiply<float>({false, true, rows, nk, d, 1.0f, q.data + row * q.stride, q.stride, k.data, k.stride, 0.0f, scores, nk});
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t seen = causal ? std::clamp<int64_t>(row + i + 1 + nk - nq, 1, nk) : nk;
    softmax_row(scores + i * nk, seen, nk, scale);
  }
  multiply<float>({false, false, rows, d, nk, 1.0f, scores, nk, v.data, v.stride, 0.0f, out.data + row * out.stride, out.stride});
}

/** Head h of batch b as rows; copied into `room` only where the last axis is not contiguous or the rows overlap. */
Matrix head(mx::array& x, int64_t b, int64_t h, std::vector<float>& room) {
  const int64_t n = x.shape(2), d = x.shape(3);
  float* data = x.data<float>() + b * x.strides(0) + h * x.strides(1);
  if (x.strides(3) == 1 && (n == 1 || x.strides(2) >= d)) return {data, n == 1 ? d : x.strides(2)};
  room.resize(n * d);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < d; ++j) room[i * d + j] = data[i * x.strides(2) + j * x.strides(3)];
  }
  return {room.data(), d};
}

class Attention : public mx::Primitive {
 public:
  Attention(mx::Stream stream, float scale, bool causal) : mx::Primitive(stream), scale_(scale), causal_(causal) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    auto& out = outputs[0];
    const int64_t B = out.shape(0), H = out.shape(1), nq = out.shape(2), d = out.shape(3);
    const int64_t nk = inputs[1].shape(2), group = H / inputs[1].shape(1);
    // Laid out as [B, Nq, H, D]: the heads of one position lie beside each other.
    mx::Strides strides{nq * H * d, d, H * d, 1};
    const bool as_rows = nq == 1 || H == 1;
    out.set_data(mx::allocator::malloc(out.nbytes()), out.size(), strides, {true, as_rows, false});

    auto& encoder = mx::cpu::get_command_encoder(stream());
    for (auto& input : inputs) encoder.set_input_array(input);
    encoder.set_output_array(out);
    encoder.dispatch([q = mx::array::unsafe_weak_copy(inputs[0]),
                      k = mx::array::unsafe_weak_copy(inputs[1]),
                      v = mx::array::unsafe_weak_copy(inputs[2]),
                      o = mx::array::unsafe_weak_copy(out),
                      B, H, nq, nk, d, group, scale = scale_, causal = causal_]() mutable {
      const int64_t blocks = (nq + kBlockRows - 1) / kBlockRows;
      // Blocks of one head follow each other, so that a thread keeps that head's keys and values in its cache.
      parallel_for(B * H * blocks, 1 + kWorthAThread / (std::min(nq, kBlockRows) * nk * d), [&](int64_t begin, int64_t end) {
        std::vector<float> scores(std::min(nq, kBlockRows) * nk), q_rows, k_rows, v_rows;
        for (int64_t task = begin; task < end; ++task) {
          const int64_t row = task % blocks * kBlockRows, h = task / blocks % H, b = task / blocks / H;
          const Matrix to{o.data<float>() + (b * nq * H + h) * d, H * d};
          attend(head(q, b, h, q_rows), head(k, b, h / group, k_rows), head(v, b, h / group, v_rows), to,
                 row, std::min(kBlockRows, nq - row), nq, nk, d, scale, causal, scores.data());
        }
      });
    });
  }

  void eval_gpu(const std::vector<mx::array>&, std::vector<mx::array>&) override {
    throw std::runtime_error("this attention kernel runs on the CPU only");
  }

  const char* name() const override { return "SottoAttention"; }
  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& o = static_cast<const Attention&>(other);
    return o.scale_ == scale_ && o.causal_ == causal_;
  }
  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override {
    auto shape = inputs[0].shape();
    shape[3] = inputs[2].shape(3);
    return {shape};
  }

 private:
  float scale_;
  bool causal_;
};

}  // namespace

bool attention_applies(const mx::array& q, const mx::array& k, const mx::array& v, mx::StreamOrDevice where) {
  return mx::to_stream(where).device == mx::Device::cpu && q.ndim() == 4 && k.ndim() == 4 && v.ndim() == 4 &&
      q.dtype() == mx::float32 && k.dtype() == mx::float32 && v.dtype() == mx::float32 &&
      q.shape(0) == k.shape(0) && k.shape(0) == v.shape(0) && k.shape(1) == v.shape(1) && k.shape(2) == v.shape(2) &&
      q.shape(3) == k.shape(3) && v.shape(3) == q.shape(3) && q.shape(1) % k.shape(1) == 0 && q.size() > 0 && k.size() > 0;
}

mx::array attention(const mx::array& q, const mx::array& k, const mx::array& v, float scale, bool causal, mx::StreamOrDevice where) {
  auto shape = q.shape();
  return mx::array(std::move(shape), mx::float32, std::make_shared<Attention>(mx::to_stream(where), scale, causal), {q, k, v});
}

}  // namespace sotto::cpu
