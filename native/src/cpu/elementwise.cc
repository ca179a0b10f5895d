#include "elementwise.h"

#include "kernels.h"
#include "pool.h"
#include "primitive.h"
#include "rows.h"

#include <mlx/backend/common/unary.h>

namespace sotto::cpu {

namespace mx = mlx::core;

namespace {

/** A function of each element. */
class Elementwise : public CpuPrimitive {
 public:
  enum class Function { gelu, elu };

  Elementwise(mx::Stream stream, Function function) : CpuPrimitive(stream), function_(function) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    // The input is contiguous, so its buffer is processed linearly in any axis order.
    mx::set_unary_output_data(inputs[0], outputs[0]);
    queue(inputs, outputs, [in = weak(inputs[0]), out = weak(outputs[0]), function = function_]() mutable {
      const float* from = in.data<float>();
      float* to = out.data<float>();
      const auto span = function == Function::gelu ? kernels().gelu : kernels().elu;
      parallel_for(in.data_size(), 16384, [&](int64_t begin, int64_t end) { span(from + begin, to + begin, end - begin); });
    });
  }

  const char* name() const override { return function_ == Function::gelu ? "SottoGelu" : "SottoElu"; }
  bool is_equivalent(const mx::Primitive& other) const override {
    return static_cast<const Elementwise&>(other).function_ == function_;
  }
  std::vector<mx::Shape> output_shapes(const std::vector<mx::array>& inputs) override { return {inputs[0].shape()}; }

 private:
  Function function_;
};

mx::array elementwise(const mx::array& x, Elementwise::Function function, mx::StreamOrDevice where) {
  const mx::Stream stream = mx::to_stream(where);
  return mx::array(x.shape(), mx::float32, std::make_shared<Elementwise>(stream, function), {mx::contiguous(x, true, stream)});
}

class Argmax : public CpuPrimitive {
 public:
  using CpuPrimitive::CpuPrimitive;

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    for (auto& out : outputs) allocate(out);
    queue(inputs, outputs, [x = weak(inputs[0]), index = weak(outputs[0]), logprob = weak(outputs[1])]() mutable {
      static thread_local std::vector<float> room;
      const Rows rows = rows_of(x, room);
      const int64_t n = x.shape(1);
      parallel_parts(x.shape(0), [&](int64_t row) {
        const ArgmaxResult best = kernels().argmax(rows.data + row * rows.stride, n);
        index.data<int32_t>()[row] = static_cast<int32_t>(best.index);
        logprob.data<float>()[row] = best.value - best.log_sum;
      });
    });
  }

  const char* name() const override { return "SottoArgmax"; }
  bool is_equivalent(const mx::Primitive&) const override { return true; }
};

class TopK : public CpuPrimitive {
 public:
  TopK(mx::Stream stream, int k) : CpuPrimitive(stream), k_(k) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    for (auto& out : outputs) allocate(out);
    queue(inputs, outputs,
          [x = weak(inputs[0]), index = weak(outputs[0]), logprobs = weak(outputs[1]), log_sum = weak(outputs[2]), k = k_]() mutable {
            static thread_local std::vector<float> room;
            const Rows rows = rows_of(x, room);
            const int64_t n = x.shape(1);
            parallel_parts(x.shape(0), [&](int64_t row) {
              log_sum.data<float>()[row] = kernels().top_k(rows.data + row * rows.stride, n, k, index.data<int32_t>() + row * k,
                                                           logprobs.data<float>() + row * k);
            });
          });
  }

  const char* name() const override { return "SottoTopK"; }
  bool is_equivalent(const mx::Primitive& other) const override { return static_cast<const TopK&>(other).k_ == k_; }

 private:
  int k_;
};

}  // namespace

bool gelu_applies(const mx::array& x, mx::StreamOrDevice where) {
  return kernels_enabled() && on_cpu(where) && x.dtype() == mx::float32;
}

mx::array gelu(const mx::array& x, mx::StreamOrDevice where) { return elementwise(x, Elementwise::Function::gelu, where); }

mx::array elu(const mx::array& x, mx::StreamOrDevice where) {
  if (x.dtype() != mx::float32) throw std::invalid_argument("[elu] x is float32");
  return elementwise(x, Elementwise::Function::elu, where);
}

bool argmax_applies(const mx::array& logits, mx::StreamOrDevice where) {
  return kernels_enabled() && on_cpu(where) && logits.dtype() == mx::float32 && logits.ndim() == 2 && logits.size() > 0;
}

std::pair<mx::array, mx::array> argmax(const mx::array& logits, mx::StreamOrDevice where) {
  auto result = mx::array::make_arrays({{logits.shape(0)}, {logits.shape(0)}}, {mx::int32, mx::float32},
                                     std::make_shared<Argmax>(mx::to_stream(where)), {logits});
  return {result[0], result[1]};
}

std::vector<mx::array> top_k(const mx::array& logits, int k, mx::StreamOrDevice where) {
  const int rows = logits.shape(0);
  return mx::array::make_arrays({{rows, k}, {rows, k}, {rows, 1}}, {mx::int32, mx::float32, mx::float32},
                                std::make_shared<TopK>(mx::to_stream(where), k), {logits});
}

}  // namespace sotto::cpu
