#include "linear.h"

#include <algorithm>

#include "kernels.h"
#include "kernels_common.h"
#include "panels.h"
#include "pool.h"
#include "primitive.h"
#include "rows.h"

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

/** Up to so many rows the weights are widened on the way; for more they are expanded first, once for all rows. */
constexpr int64_t kFewRows = 8;
/** Columns that a part of a large product takes: its expanded weights stay in the second-level cache. */
constexpr int64_t kBlockPanels = 4;
/** Weights under which a part of a small product is not worth handing out. */
constexpr int64_t kWeightsPerPart = 1 << 16;

/** Which inputs of a primitive are there, in a fixed order. */
struct Inputs {
  bool packed, bias, norm_weight, norm_bias, residual;
  bool operator==(const Inputs&) const = default;
};

Panels view_of(const mx::array& data, int64_t n, const mx::array* scales, const mx::array* biases) {
  Panels w{Panels::Kind::float32, data.data<void>(), n, data.shape(-2)};
  if (data.dtype() == mx::float16) w.kind = Panels::Kind::float16;
  if (data.dtype() == mx::bfloat16) w.kind = Panels::Kind::bfloat16;
  if (scales != nullptr) {
    w.kind = Panels::Kind::codes;
    w.scales = scales->data<float>();
    w.biases = biases->data<float>();
    w.group = w.k / scales->shape(-2);
  }
  return w;
}

struct Job {
  Rows x;
  int64_t rows;
  Panels w;
  bool norm;
  const float* norm_weight;
  const float* norm_bias;
  float eps;
  Finish finish;
};

Finish from(const Finish& f, int64_t row, int64_t column) {
  Finish part = f;
  part.out += row * f.out_stride + column;
  part.n -= column;
  if (f.bias) part.bias += column;
  if (f.residual) part.residual += row * f.residual_stride + column;
  return part;
}

void run_few(const Job& job, const Rows& x) {
  static thread_local std::vector<float> sums;
  const Panels& w = job.w;
  if (w.group > 0) {
    const int64_t groups = w.k / w.group;
    room_for(sums, job.rows * groups);
    for (int64_t row = 0; row < job.rows; ++row) kernels().sum_groups(x.data + row * x.stride, w.k, w.group, sums.data() + row * groups);
  }
  const float* group_sums = sums.data();
  const int64_t blocks = (w.count() + kBlockPanels - 1) / kBlockPanels;
  const int64_t parts = std::clamp<int64_t>(w.n * w.k / kWeightsPerPart, 1, std::min(blocks, 16 * threads()));
  parallel_parts(parts, [&](int64_t part) {
    const int64_t begin = blocks * part / parts * kBlockPanels;
    const int64_t end = std::min(blocks * (part + 1) / parts * kBlockPanels, w.count());
    kernels().few(x.data, x.stride, job.rows, group_sums, w, begin, end, job.finish);
  });
}

void run_many(const Job& job, const Rows& x) {
  const Panels& w = job.w;
  const int64_t blocks = (w.count() + kBlockPanels - 1) / kBlockPanels;
  const int64_t row_blocks = std::clamp<int64_t>(4 * threads() / blocks, 1, std::max<int64_t>(job.rows / 96, 1));
  parallel_parts(blocks * row_blocks, [&](int64_t part) {
    static thread_local std::vector<float> room;
    const int64_t panel = part % blocks * kBlockPanels, count = std::min(kBlockPanels, w.count() - panel);
    const int64_t row = job.rows * (part / blocks) / row_blocks, end = job.rows * (part / blocks + 1) / row_blocks;
    const float* weights;
    if (w.kind == Panels::Kind::float32) {
      weights = static_cast<const float*>(w.data) + panel * w.k * kPanel;
    } else {
      float* to = room_for(room, count * w.k * kPanel);
      for (int64_t i = 0; i < count; ++i) kernels().expand(w, panel + i, to + i * w.k * kPanel);
      weights = to;
    }
    kernels().product(x.data + row * x.stride, x.stride, end - row, weights, w.k * kPanel, count, w.k,
                      from(job.finish, row, panel * kPanel));
  });
}

void run(const Job& job) {
  static thread_local std::vector<float> room;
  Rows x = job.x;
  if (job.norm) {
    const int64_t k = job.w.k;
    float* normed = room_for(room, job.rows * k);
    parallel_for(job.rows, 64, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        kernels().layer_norm(job.x.data + row * job.x.stride, k, job.norm_weight, job.norm_bias, job.eps, normed + row * k);
    });
    x = {normed, k};
  }
  if (job.rows <= kFewRows) run_few(job, x);
  else run_many(job, x);
}

class Linear : public CpuPrimitive {
 public:
  Linear(mx::Stream stream, int64_t n, double eps, bool gelu, Inputs has)
      : CpuPrimitive(stream), n_(n), eps_(eps), gelu_(gelu), has_(has) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    allocate(outputs[0]);
    queue(inputs, outputs, [in = weak(inputs), o = weak(outputs[0]), n = n_, eps = eps_, gelu = gelu_, has = has_]() mutable {
      if (o.size() == 0) return;
      static thread_local std::vector<float> x_room, residual_room;
      size_t next = 1;
      const mx::array& data = in[next++];
      const mx::array* scales = has.packed ? &in[next++] : nullptr;
      const mx::array* biases = has.packed ? &in[next++] : nullptr;
      Job job{};
      job.x = rows_of(in[0], x_room);
      job.rows = static_cast<int64_t>(o.size()) / n;
      job.w = view_of(data, n, scales, biases);
      job.finish = {o.data<float>(), n, n};
      if (has.bias) job.finish.bias = in[next++].data<float>();
      job.norm = eps > 0;
      job.eps = static_cast<float>(eps);
      if (has.norm_weight) job.norm_weight = in[next++].data<float>();
      if (has.norm_bias) job.norm_bias = in[next++].data<float>();
      job.finish.gelu = gelu;
      if (has.residual) {
        const Rows residual = rows_of(in[next++], residual_room);
        job.finish.residual = residual.data;
        job.finish.residual_stride = residual.stride;
      }
      run(job);
    });
  }

  const char* name() const override { return "SottoLinear"; }
  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& o = static_cast<const Linear&>(other);
    return o.n_ == n_ && o.eps_ == eps_ && o.gelu_ == gelu_ && o.has_ == has_;
  }

 private:
  int64_t n_;
  double eps_;
  bool gelu_;
  Inputs has_;
};

class MatrixRows : public CpuPrimitive {
 public:
  MatrixRows(mx::Stream stream, int64_t n, bool packed) : CpuPrimitive(stream), n_(n), packed_(packed) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    allocate(outputs[0]);
    queue(inputs, outputs, [in = weak(inputs), o = weak(outputs[0]), n = n_, packed = packed_]() mutable {
      const Panels w = view_of(in[1], n, packed ? &in[2] : nullptr, packed ? &in[3] : nullptr);
      const auto* ids = in[0].data<int32_t>();
      auto* to = o.data<float>();
      for (size_t i = 0; i < in[0].size(); ++i, to += w.k) {
        const int64_t id = ids[i];
        for (int64_t j = 0; j < w.k; ++j) to[j] = id < 0 || id >= n ? 0 : item(w, id, j);
      }
    });
  }

  const char* name() const override { return "SottoMatrixRows"; }
  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& o = static_cast<const MatrixRows&>(other);
    return o.n_ == n_ && o.packed_ == packed_;
  }

 private:
  static float item(const Panels& w, int64_t row, int64_t column) {
    const int64_t at = (row / kPanel * w.k + column) * kPanel + row % kPanel;
    switch (w.kind) {
      case Panels::Kind::float16: return to_float(static_cast<const Half*>(w.data)[at]);
      case Panels::Kind::bfloat16: return to_float(static_cast<const Brain*>(w.data)[at]);
      case Panels::Kind::codes: {
        const int64_t group = (row / kPanel * (w.k / w.group) + column / w.group) * kPanel + row % kPanel;
        return static_cast<float>(static_cast<const uint8_t*>(w.data)[at]) * w.scales[group] + w.biases[group];
      }
      default: return static_cast<const float*>(w.data)[at];
    }
  }

  int64_t n_;
  bool packed_;
};

void need(bool fits, const char* what) {
  if (!fits) throw std::invalid_argument(what);
}

bool is_floats(const std::optional<mx::array>& x, int64_t size) {
  return !x || (x->dtype() == mx::float32 && static_cast<int64_t>(x->size()) == size);
}

/** Checks the weights. @returns k */
int64_t check_weights(const LinearParts& p) {
  const auto& data = p.panels;
  need(data.ndim() == 3 && data.shape(2) == kPanel, "[linear] panels are [⌈n / 16⌉, k, 16]");
  need(p.outputs > 0 && (p.outputs + kPanel - 1) / kPanel == data.shape(0), "[linear] the panels hold another number of outputs");
  need(p.scales.has_value() == (data.dtype() == mx::uint8) && p.scales.has_value() == p.biases.has_value(),
       "[linear] scales and biases belong to packed weights, and only to them");
  const int64_t k = data.shape(1);
  if (p.scales) {
    need(p.scales->shape() == p.biases->shape() && p.scales->dtype() == mx::float32 && p.biases->dtype() == mx::float32 &&
             p.scales->ndim() == 3 && p.scales->shape(0) == data.shape(0) && p.scales->shape(1) > 0 &&
             k % p.scales->shape(1) == 0 && (k / p.scales->shape(1)) % kPanel == 0,
         "[linear] scales and biases are float32 panels, one entry for a group of 16, 32, 64 or 128 columns");
  }
  return k;
}

}  // namespace

mx::array linear(const mx::array& x, const LinearParts& p, mx::StreamOrDevice where) {
  const mx::Stream stream = mx::to_stream(where);
  const int64_t k = check_weights(p);
  need(x.dtype() == mx::float32 && x.ndim() > 0 && x.shape(-1) == k, "[linear] x is float32 [..., k]");
  need(is_floats(p.bias, p.outputs), "[linear] the bias is float32 [n]");
  need(is_floats(p.norm_weight, k) && is_floats(p.norm_bias, k), "[linear] the norm's weight and bias are float32 [k]");
  need(p.norm_eps > 0 || !(p.norm_weight || p.norm_bias), "[linear] a norm needs its eps");
  auto shape = x.shape();
  shape.back() = static_cast<mx::ShapeElem>(p.outputs);
  need(!p.residual || p.residual->dtype() == mx::float32, "[linear] the residual is float32");

  const Inputs has{p.scales.has_value(), p.bias.has_value(), p.norm_weight.has_value(), p.norm_bias.has_value(),
                   p.residual.has_value()};
  std::vector<mx::array> inputs{x, p.panels};
  for (auto* part : {&p.scales, &p.biases}) if (*part) inputs.push_back(**part);
  for (auto* part : {&p.bias, &p.norm_weight, &p.norm_bias}) if (*part) inputs.push_back(mx::contiguous(**part, false, stream));
  if (p.residual) inputs.push_back(p.residual->shape() == shape ? *p.residual : mx::broadcast_to(*p.residual, shape, stream));
  return mx::array(std::move(shape), mx::float32,
                   std::make_shared<Linear>(stream, p.outputs, p.norm_eps, p.gelu, has), std::move(inputs));
}

mx::array matrix_rows(const LinearParts& p, const mx::array& ids, mx::StreamOrDevice where) {
  const mx::Stream stream = mx::to_stream(where);
  const int64_t k = check_weights(p);
  need(mx::issubdtype(ids.dtype(), mx::integer), "[rows] ids are integers");
  std::vector<mx::array> inputs{mx::contiguous(mx::astype(ids, mx::int32, stream), false, stream), p.panels};
  for (auto* part : {&p.scales, &p.biases}) if (*part) inputs.push_back(**part);
  auto shape = ids.shape();
  shape.push_back(static_cast<mx::ShapeElem>(k));
  return mx::array(std::move(shape), mx::float32, std::make_shared<MatrixRows>(stream, p.outputs, p.scales.has_value()),
                   std::move(inputs));
}

}  // namespace sotto::cpu
