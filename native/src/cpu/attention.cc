#include "attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "head_panels.h"
#include "kernels.h"
#include "pool.h"
#include "primitive.h"
#include "rows.h"

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

/** Queries per block: their scores against 1500 keys take 288 KiB, which fits a second-level cache. */
constexpr int64_t kBlockRows = 48;

/** Head h of batch b as rows; copied into `room` only if a row is not contiguous. */
Head head(mx::array& x, int64_t b, int64_t h, std::vector<float>& room) {
  const int64_t n = x.shape(2), d = x.shape(3);
  float* data = x.data<float>() + b * x.strides(0) + h * x.strides(1);
  if (x.strides(3) == 1 || d == 1) return {data, n == 1 ? d : x.strides(2)};
  float* to = room_for(room, n * d);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < d; ++j) to[i * d + j] = data[i * x.strides(2) + j * x.strides(3)];
  }
  return {to, d};
}

/** A block of queries: out = softmax(scale q kᵀ) v, keys and values in panels. */
void attend_block(Head q, int64_t rows, int64_t first, const float* keys, const float* values, int64_t nk, int64_t d, int64_t nq,
                  float scale, bool causal, Head out) {
  static thread_local std::vector<float> room;
  const int64_t width = whole_panels(nk);
  float* scores = room_for(room, kBlockRows * width);
  // With a causal mask, no query of a block sees a key beyond that of its last row.
  const int64_t seen = causal ? std::clamp<int64_t>(first + rows + nk - nq, 1, nk) : nk;
  kernels().product(q.data, q.stride, rows, keys, d * kPanel, whole_panels(seen) / kPanel, d, {scores, width, whole_panels(seen), nullptr, Activation::none, scale});
  float inverse[kBlockRows];
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t filled = causal ? std::clamp<int64_t>(first + i + 1 + nk - nq, 1, nk) : nk;
    inverse[i] = kernels().softmax(scores + i * width, filled, seen);
  }
  kernels().product(scores, width, rows, values, nk * kPanel, whole_panels(d) / kPanel, seen, {out.data, out.stride, d});
  for (int64_t i = 0; i < rows; ++i) kernels().scale(out.data + i * out.stride, d, inverse[i]);
}

class Attention : public CpuPrimitive {
 public:
  Attention(mx::Stream stream, float scale, bool causal) : CpuPrimitive(stream), scale_(scale), causal_(causal) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    auto& out = outputs[0];
    const int64_t H = out.shape(1), nq = out.shape(2), d = out.shape(3);
    // Stored as [B, Nq, H, D], so that the heads of a position are adjacent.
    mx::Strides strides{nq * H * d, d, H * d, 1};
    const bool as_rows = nq == 1 || H == 1;
    out.set_data(mx::allocator::malloc(out.nbytes()), out.size(), strides, {true, as_rows, false});
    queue(inputs, outputs, [in = weak(inputs), o = weak(out), scale = scale_, causal = causal_]() mutable {
      run(in[0], in[1], in[2], o, scale, causal);
    });
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
  static void run(mx::array& q, mx::array& k, mx::array& v, mx::array& out, float scale, bool causal) {
    const int64_t B = out.shape(0), H = out.shape(1), nq = out.shape(2), d = out.shape(3);
    const int64_t Hkv = k.shape(1), nk = k.shape(2), group = H / Hkv;
    static thread_local std::vector<float> room;
    const int64_t key_size = whole_panels(nk) * d, value_size = nk * whole_panels(d);
    float* packed = room_for(room, B * Hkv * (key_size + value_size));
    parallel_for(B * Hkv, 1 + (1 << 14) / (nk * d), [&](int64_t begin, int64_t end) {
      static thread_local std::vector<float> rows;
      for (int64_t i = begin; i < end; ++i) {
        float* to = packed + i * (key_size + value_size);
        panels_of_rows(head(k, i / Hkv, i % Hkv, rows), nk, d, to);
        panels_of_columns(head(v, i / Hkv, i % Hkv, rows), nk, d, to + key_size);
      }
    });
    const int64_t blocks = (nq + kBlockRows - 1) / kBlockRows;
    // Blocks of a head are consecutive, so that a thread keeps its keys and values in cache.
    parallel_for(B * H * blocks, 1 + (1 << 20) / (std::min(nq, kBlockRows) * nk * d), [&](int64_t begin, int64_t end) {
      static thread_local std::vector<float> rows;
      for (int64_t task = begin; task < end; ++task) {
        const int64_t first = task % blocks * kBlockRows, h = task / blocks % H, b = task / blocks / H;
        const Head queries = head(q, b, h, rows);
        const float* keys = packed + (b * Hkv + h / group) * (key_size + value_size);
        attend_block({queries.data + first * queries.stride, queries.stride}, std::min(kBlockRows, nq - first), first, keys,
                     keys + key_size, nk, d, nq, scale, causal,
                     {out.data<float>() + ((b * nq + first) * H + h) * d, H * d});
      }
    });
  }

  float scale_;
  bool causal_;
};

}  // namespace

bool attention_applies(const mx::array& q, const mx::array& k, const mx::array& v, mx::StreamOrDevice where) {
  return kernels_enabled() && on_cpu(where) && q.ndim() == 4 && k.ndim() == 4 && v.ndim() == 4 &&
      q.dtype() == mx::float32 && k.dtype() == mx::float32 && v.dtype() == mx::float32 &&
      q.shape(0) == k.shape(0) && k.shape(0) == v.shape(0) && k.shape(1) == v.shape(1) && k.shape(2) == v.shape(2) &&
      q.shape(3) == k.shape(3) && v.shape(3) == q.shape(3) && q.shape(1) % k.shape(1) == 0 && q.size() > 0 && k.size() > 0;
}

mx::array attention(const mx::array& q, const mx::array& k, const mx::array& v, float scale, bool causal, mx::StreamOrDevice where) {
  auto shape = q.shape();
  return mx::array(std::move(shape), mx::float32, std::make_shared<Attention>(mx::to_stream(where), scale, causal), {q, k, v});
}

}  // namespace sotto::cpu
