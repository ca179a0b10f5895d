#include "causal_attention.h"

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

/** Sizes of a call: T frames in chunks of R after C others, d numbers per head, H heads; a chunk sees K frames before it. */
struct Sizes {
  int64_t T, R, C, K, d, H;
  int64_t distances() const { return K + 2 * R - 1; }
  int64_t distance_size() const { return whole_panels(distances()) * d; }
};

/** The inputs, whose rows are whole. `past` is null if C is 0. */
struct Inputs {
  const float *qkv, *past, *u, *v;

  /** Row `t` of all frames' keys and values [2 H D]; those of the past have negative numbers. */
  const float* keys_and_values(int64_t t, const Sizes& n) const {
    const int64_t D = n.H * n.d;
    return t < 0 ? past + (n.C + t) * 2 * D : qkv + t * 3 * D + D;
  }
};

/** (q + bias) / √d for `rows` queries: [rows, d]. */
void biased(const float* q, int64_t stride, int64_t rows, const float* bias, int64_t d, float* to) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < d; ++i) to[r * d + i] = (q[r * stride + i] + bias[i]) * scale;
  }
}

/** One head of the chunk that starts at frame `first`. `distances` are the head's panels. */
void attend_chunk(const Inputs& in, const float* distances, int64_t first, int64_t h, const Sizes& n, float* out) {
  static thread_local std::vector<float> room;
  const int64_t D = n.H * n.d, rows = std::min(n.R, n.T - first), low = std::max(-n.C, first - n.K), seen = first + rows - low;
  const int64_t width = whole_panels(seen), reach = whole_panels(n.distances());
  float* plain = room_for(room, 2 * seen * n.d + (width + reach + n.d) * n.R + width * n.d + seen * whole_panels(n.d));
  float* plain_values = plain + seen * n.d;
  for (int64_t t = 0; t < seen; ++t) {
    const float* row = in.keys_and_values(low + t, n) + h * n.d;
    std::copy(row, row + n.d, plain + t * n.d);
    std::copy(row + D, row + D + n.d, plain_values + t * n.d);
  }
  float* keys = plain_values + seen * n.d;
  float* values = keys + width * n.d;
  float* scores = values + seen * whole_panels(n.d);
  float* distant = scores + n.R * width;
  float* queries = distant + n.R * reach;
  panels_of_rows({plain, n.d}, seen, n.d, keys);
  panels_of_columns({plain_values, n.d}, seen, n.d, values);
  const float* q = in.qkv + first * 3 * D + h * n.d;
  biased(q, 3 * D, rows, in.u + h * n.d, n.d, queries);
  kernels().product(queries, n.d, rows, keys, n.d * kPanel, width / kPanel, n.d, {scores, width, width});
  biased(q, 3 * D, rows, in.v + h * n.d, n.d, queries);
  kernels().product(queries, n.d, rows, distances, n.d * kPanel, reach / kPanel, n.d, {distant, reach, reach});
  std::vector<float> inverse(rows);
  for (int64_t r = 0; r < rows; ++r) {
    kernels().add_scaled(distant + r * reach + (n.K - (first - low) + n.R - 1 - r), scores + r * width, seen, 1);
    inverse[r] = kernels().softmax(scores + r * width, seen, seen);
  }
  float* to = out + first * D + h * n.d;
  kernels().product(scores, width, rows, values, seen * kPanel, whole_panels(n.d) / kPanel, seen, {to, D, n.d});
  for (int64_t r = 0; r < rows; ++r) kernels().scale(to + r * D, n.d, inverse[r]);
}

class CausalAttention : public CpuPrimitive {
 public:
  CausalAttention(mx::Stream stream, int64_t chunk) : CpuPrimitive(stream), chunk_(chunk) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    for (auto& out : outputs) allocate(out);
    queue(inputs, outputs, [in = weak(inputs), out = weak(outputs[0]), next = weak(outputs[1]), R = chunk_]() mutable {
      const int64_t H = in[2].shape(0), d = in[2].shape(1), C = in.size() > 4 ? in[4].shape(1) : 0;
      const Sizes n{out.shape(1), R, C, in[1].shape(0) - 2 * R + 1, d, H};
      const Inputs all{in[0].data<float>(), C > 0 ? in[4].data<float>() : nullptr, in[2].data<float>(), in[3].data<float>()};
      run(all, in[1].data<float>(), n, out.data<float>());
      const int64_t kept = next.shape(1), width = 2 * H * d;
      for (int64_t t = 0; t < kept; ++t) {
        const float* row = all.keys_and_values(n.T - kept + t, n);
        std::copy(row, row + width, next.data<float>() + t * width);
      }
    });
  }

  const char* name() const override { return "SottoCausalAttention"; }
  bool is_equivalent(const mx::Primitive& other) const override { return static_cast<const CausalAttention&>(other).chunk_ == chunk_; }

 private:
  static void run(const Inputs& in, float* distances, const Sizes& n, float* out) {
    static thread_local std::vector<float> room;
    float* distant = room_for(room, n.H * n.distance_size());
    parallel_for(n.H, 1, [&](int64_t begin, int64_t end) {
      for (int64_t h = begin; h < end; ++h)
        panels_of_rows({distances + h * n.d, n.H * n.d}, n.distances(), n.d, distant + h * n.distance_size());
    });
    const int64_t chunks = (n.T + n.R - 1) / n.R;
    parallel_for(chunks * n.H, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t h = task % n.H;
        attend_chunk(in, distant + h * n.distance_size(), task / n.H * n.R, h, n, out);
      }
    });
  }

  int64_t chunk_;
};

}  // namespace

std::pair<mx::array, mx::array> causal_attention(const mx::array& qkv, const mx::array& distances, const mx::array& u, const mx::array& v,
                                                 int chunk, const std::optional<mx::array>& past, mx::StreamOrDevice where) {
  const auto fits = [&] {
    if (qkv.ndim() != 3 || qkv.shape(0) != 1 || qkv.size() == 0 || u.ndim() != 2 || u.size() == 0 || v.shape() != u.shape()) return false;
    const int64_t D = static_cast<int64_t>(u.shape(0)) * u.shape(1), least = 2 * static_cast<int64_t>(chunk) - 1;
    if (qkv.shape(2) != 3 * D || distances.ndim() != 2 || distances.shape(1) != D || chunk < 1 || distances.shape(0) < least) return false;
    if (!past) return true;
    return past->ndim() == 3 && past->shape(0) == 1 && past->shape(2) == 2 * D && past->size() > 0 && past->shape(1) <= distances.shape(0) - least;
  };
  const auto is_float = [](const mx::array& x) { return x.dtype() == mx::float32; };
  if (!fits() || !is_float(qkv) || !is_float(distances) || !is_float(u) || !is_float(v) || (past && !is_float(*past)))
    throw std::invalid_argument(
        "[causal_attention] takes float32 qkv [1, T, 3 H D], distances [K + 2 R - 1, H D], u and v [H, D], past [1, at most K, 2 H D]");
  const mx::Stream stream = mx::to_stream(where);
  std::vector<mx::array> inputs;
  for (const auto& x : {qkv, distances, u, v}) inputs.push_back(mx::contiguous(x, false, stream));
  if (past) inputs.push_back(mx::contiguous(*past, false, stream));
  const auto D = static_cast<mx::ShapeElem>(u.size());
  const auto frames = qkv.shape(1) + (past ? past->shape(1) : 0), kept = distances.shape(0) - 2 * chunk + 1;
  auto both = mx::array::make_arrays({{1, qkv.shape(1), D}, {1, std::min(frames, kept), 2 * D}}, {mx::float32, mx::float32},
                                     std::make_shared<CausalAttention>(stream, chunk), inputs);
  return {both[0], both[1]};
}

}  // namespace sotto::cpu
