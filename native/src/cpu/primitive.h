// Base of Sotto's primitives.
#pragma once

#include <stdexcept>
#include <utility>

#include <mlx/backend/cpu/encoder.h>
#include <mlx/primitives.h>

namespace sotto::cpu {

/** A primitive for the CPU's stream. Its inputs are evaluated when `eval_cpu` is called. */
class CpuPrimitive : public mlx::core::Primitive {
 public:
  explicit CpuPrimitive(mlx::core::Stream stream) : mlx::core::Primitive(stream) {}

  void eval_gpu(const std::vector<mlx::core::array>&, std::vector<mlx::core::array>&) override {
    throw std::runtime_error("this kernel runs on the CPU only");
  }

 protected:
  /** Queues `work` to run after its inputs. */
  template <class Work>
  void queue(const std::vector<mlx::core::array>& inputs, std::vector<mlx::core::array>& outputs, Work work) {
    auto& encoder = mlx::core::cpu::get_command_encoder(stream());
    for (auto& input : inputs) encoder.set_input_array(input);
    for (auto& output : outputs) encoder.set_output_array(output);
    encoder.dispatch(std::move(work));
  }
};

/** A non-owning reference: MLX keeps the arrays of queued work alive. */
inline mlx::core::array weak(const mlx::core::array& x) { return mlx::core::array::unsafe_weak_copy(x); }

inline std::vector<mlx::core::array> weak(const std::vector<mlx::core::array>& all) {
  std::vector<mlx::core::array> copies;
  copies.reserve(all.size());
  for (auto& x : all) copies.push_back(weak(x));
  return copies;
}

inline bool on_cpu(mlx::core::StreamOrDevice where) { return mlx::core::to_stream(where).device == mlx::core::Device::cpu; }

}  // namespace sotto::cpu
