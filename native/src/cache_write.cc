#include "cache_write.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

#include "cpu/primitive.h"

#ifdef __APPLE__
#include <Metal/Metal.hpp>
#include <mlx/backend/metal/device.h>
#endif

namespace sotto {

namespace mx = mlx::core;

namespace {

#ifdef __APPLE__

/** As the kernel below reads it. */
struct Sizes {
  int heads, room, dims, position;
  int strides[4];  // of the update, in elements
};

/** One thread for each element of the update. `Item` is an integer of the element's size: bits are copied. */
constexpr const char* kKernel = R"(
struct Sizes {
  int heads, room, dims, position;
  int strides[4];
};

kernel void write_rows(device Item* buffer [[buffer(0)]],
                       const device Item* update [[buffer(1)]],
                       constant Sizes& sizes [[buffer(2)]],
                       uint3 at [[thread_position_in_grid]]) {
  const int row = int(at.z) / sizes.heads;
  const int head = int(at.z) % sizes.heads;
  const int to = (int(at.z) * sizes.room + sizes.position + int(at.y)) * sizes.dims + int(at.x);
  const int from = row * sizes.strides[0] + head * sizes.strides[1] + int(at.y) * sizes.strides[2] + int(at.x) * sizes.strides[3];
  buffer[to] = update[from];
}
)";

std::string kernel_for(size_t item) {
  return std::string("#include <metal_stdlib>\nusing namespace metal;\ntypedef ") + (item == 2 ? "ushort" : "uint") + " Item;\n" +
         kKernel;
}

#endif

class CacheWrite : public cpu::CpuPrimitive {
 public:
  CacheWrite(mx::Stream stream, int position) : CpuPrimitive(stream), position_(position) {}

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    share(inputs, outputs);
    queue(inputs, outputs, [buffer = cpu::weak(outputs[0]), update = cpu::weak(inputs[1]), position = position_]() mutable {
      const int64_t item = mx::size_of(buffer.dtype()), room = buffer.shape(2), dims = buffer.shape(3);
      const auto& strides = update.strides();
      char* to = buffer.data<char>();
      const char* from = update.data<char>();
      for (int row = 0; row < update.shape(0); ++row) {
        for (int head = 0; head < update.shape(1); ++head) {
          for (int t = 0; t < update.shape(2); ++t) {
            char* place = to + ((int64_t{row} * update.shape(1) + head) * room + position + t) * dims * item;
            const char* vector = from + (row * strides[0] + head * strides[1] + t * strides[2]) * item;
            for (int64_t i = 0; i < dims; ++i) std::memcpy(place + i * item, vector + i * strides[3] * item, item);
          }
        }
      }
    });
  }

#ifdef __APPLE__
  void eval_gpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    share(inputs, outputs);
    const auto& update = inputs[1];
    if (update.size() == 0) return;
    auto& buffer = outputs[0];
    const size_t item = mx::size_of(buffer.dtype());
    Sizes sizes{buffer.shape(1), buffer.shape(2), buffer.shape(3), position_, {}};
    for (int axis = 0; axis < 4; ++axis) sizes.strides[axis] = static_cast<int>(update.strides()[axis]);

    auto& device = mx::metal::device(stream().device);
    auto* library = device.get_library("sotto_cache_write_" + std::to_string(item), [item] { return kernel_for(item); });
    auto& encoder = mx::metal::get_command_encoder(stream());
    encoder.set_compute_pipeline_state(device.get_kernel("write_rows", library));
    // As an output, so that MLX runs what reads or writes the buffer later after this, and this after what read it before.
    encoder.set_output_array(buffer, 0);
    encoder.set_input_array(update, 1);
    encoder.set_bytes(sizes, 2);
    const auto dims = static_cast<NS::UInteger>(update.shape(3)), added = static_cast<NS::UInteger>(update.shape(2));
    const auto rows = static_cast<NS::UInteger>(update.shape(0)) * static_cast<NS::UInteger>(update.shape(1));
    encoder.dispatch_threads(MTL::Size(dims, added, rows), MTL::Size(std::min<NS::UInteger>(dims, 64), 1, 1));
  }
#endif

  const char* name() const override { return "SottoCacheWrite"; }
  /** Never the same: it writes. */
  bool is_equivalent(const mx::Primitive&) const override { return false; }

 private:
  static void share(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) {
    // A view of another array is not a buffer: its elements may lie anywhere.
    if (!inputs[0].flags().row_contiguous) throw std::invalid_argument("[writeInPlace] the buffer is not contiguous");
    outputs[0].copy_shared_buffer(inputs[0]);
  }

  int position_;
};

void need(bool fits, const char* what) {
  if (!fits) throw std::invalid_argument(std::string("[writeInPlace] ") + what);
}

}  // namespace

mx::array write_in_place(mx::array buffer, mx::array update, int position, mx::StreamOrDevice where) {
  need(buffer.ndim() == 4 && update.ndim() == 4, "takes [R, H, C, D] and [R, H, T, D]");
  need(buffer.dtype() == update.dtype(), "buffer and update have one type");
  need(mx::size_of(buffer.dtype()) == 2 || mx::size_of(buffer.dtype()) == 4, "the type has 16 or 32 bits");
  for (const int axis : {0, 1, 3}) need(buffer.shape(axis) == update.shape(axis), "buffer and update differ in rows, heads or dims");
  need(position >= 0 && update.shape(2) <= buffer.shape(2) && position <= buffer.shape(2) - update.shape(2),
       "the update does not fit behind the position");
  constexpr auto most = static_cast<size_t>(std::numeric_limits<int>::max());
  need(buffer.size() <= most, "the buffer has more than 2³¹ elements");
  auto shape = buffer.shape();
  const auto dtype = buffer.dtype();
  auto primitive = std::make_shared<CacheWrite>(mx::to_stream(where), position);
  return {std::move(shape), dtype, std::move(primitive), {std::move(buffer), std::move(update)}};
}

}  // namespace sotto
