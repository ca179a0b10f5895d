#include "linear.h"

#include <algorithm>

#include "linear_loops.h"
#include "panels.h"
#include "primitive.h"
#include "rows.h"

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

/** The optional inputs that are present; their order is fixed. */
struct Inputs {
  bool packed, bias, norm_weight, norm_bias, residual;
  bool operator==(const Inputs&) const = default;
};

class Linear : public CpuPrimitive {
 public:
  Linear(mx::Stream stream, int64_t n, double eps, Activation activation, float scale, Inputs has)
      : CpuPrimitive(stream), n_(n), eps_(eps), activation_(activation), scale_(scale), has_(has) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    allocate(outputs[0]);
    queue(inputs, outputs, [in = weak(inputs), o = weak(outputs[0]), n = n_, eps = eps_, activation = activation_, scale = scale_,
                           has = has_]() mutable {
      if (o.size() == 0) return;
      static thread_local std::vector<float> x_room, residual_room;
      size_t next = 1;
      const mx::array& data = in[next++];
      const mx::array* scales = has.packed ? &in[next++] : nullptr;
      const mx::array* biases = has.packed ? &in[next++] : nullptr;
      const Panels w = view_of(data, n, scales, biases);
      Epilogue epilogue{o.data<float>(), n, n};
      if (has.bias) epilogue.bias = in[next++].data<float>();
      Norm norm{static_cast<float>(eps)};
      if (has.norm_weight) norm.weight = in[next++].data<float>();
      if (has.norm_bias) norm.bias = in[next++].data<float>();
      epilogue.activation = activation;
      epilogue.scale = scale;
      if (has.residual) {
        const Rows residual = rows_of(in[next++], residual_room);
        epilogue.residual = residual.data;
        epilogue.residual_stride = residual.stride;
      }
      run_linear(rows_of(in[0], x_room), static_cast<int64_t>(o.size()) / n, norm, w, epilogue);
    });
  }

  const char* name() const override { return "SottoLinear"; }
  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& o = static_cast<const Linear&>(other);
    return o.n_ == n_ && o.eps_ == eps_ && o.activation_ == activation_ && o.scale_ == scale_ && o.has_ == has_;
  }

 private:
  int64_t n_;
  double eps_;
  Activation activation_;
  float scale_;
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
        if (id >= 0 && id < n) read_row(w, id, to);
        else std::fill(to, to + w.k, 0.0f);
      }
    });
  }

  const char* name() const override { return "SottoMatrixRows"; }
  bool is_equivalent(const mx::Primitive& other) const override {
    const auto& o = static_cast<const MatrixRows&>(other);
    return o.n_ == n_ && o.packed_ == packed_;
  }

 private:
  int64_t n_;
  bool packed_;
};

void require(bool fits, const char* what) {
  if (!fits) throw std::invalid_argument(what);
}

bool is_floats(const std::optional<mx::array>& x, int64_t size) {
  return !x || (x->dtype() == mx::float32 && static_cast<int64_t>(x->size()) == size);
}

int64_t check(const LinearArgs& p) {
  return check_weights(p.panels, p.scales ? &*p.scales : nullptr, p.biases ? &*p.biases : nullptr, p.outputs);
}

}  // namespace

mx::array linear(const mx::array& x, const LinearArgs& p, mx::StreamOrDevice where) {
  const mx::Stream stream = mx::to_stream(where);
  const int64_t k = check(p);
  require(x.dtype() == mx::float32 && x.ndim() > 0 && x.shape(-1) == k, "[linear] x is float32 [..., k]");
  require(is_floats(p.bias, p.outputs), "[linear] the bias is float32 [n]");
  require(is_floats(p.norm_weight, k) && is_floats(p.norm_bias, k), "[linear] the norm's weight and bias are float32 [k]");
  require(p.norm_eps > 0 || !(p.norm_weight || p.norm_bias), "[linear] a norm needs its eps");
  auto shape = x.shape();
  shape.back() = static_cast<mx::ShapeElem>(p.outputs);
  require(!p.residual || p.residual->dtype() == mx::float32, "[linear] the residual is float32");

  const Inputs has{p.scales.has_value(), p.bias.has_value(), p.norm_weight.has_value(), p.norm_bias.has_value(),
                   p.residual.has_value()};
  std::vector<mx::array> inputs{x, p.panels};
  for (auto* part : {&p.scales, &p.biases}) if (*part) inputs.push_back(**part);
  for (auto* part : {&p.bias, &p.norm_weight, &p.norm_bias}) if (*part) inputs.push_back(mx::contiguous(**part, false, stream));
  if (p.residual) inputs.push_back(p.residual->shape() == shape ? *p.residual : mx::broadcast_to(*p.residual, shape, stream));
  return mx::array(std::move(shape), mx::float32,
                   std::make_shared<Linear>(stream, p.outputs, p.norm_eps, p.activation, p.scale, has), std::move(inputs));
}

mx::array matrix_rows(const LinearArgs& p, const mx::array& ids, mx::StreamOrDevice where) {
  const mx::Stream stream = mx::to_stream(where);
  const int64_t k = check(p);
  require(mx::issubdtype(ids.dtype(), mx::integer), "[rows] ids are integers");
  std::vector<mx::array> inputs{mx::contiguous(mx::astype(ids, mx::int32, stream), false, stream), p.panels};
  for (auto* part : {&p.scales, &p.biases}) if (*part) inputs.push_back(**part);
  auto shape = ids.shape();
  shape.push_back(static_cast<mx::ShapeElem>(k));
  return mx::array(std::move(shape), mx::float32, std::make_shared<MatrixRows>(stream, p.outputs, p.scales.has_value()),
                   std::move(inputs));
}

}  // namespace sotto::cpu
