// Devices, streams, and properties of this MLX.
#include "mlx/device.h"

#include "areas.h"
#include "call.h"
#include "mlx/backend/metal/metal.h"
#include "mlx/stream.h"
#include "mlx/utils.h"
#include "mlx/version.h"

namespace sotto {

namespace {

std::string name_of(const mx::Device& device) {
  return device == mx::Device::cpu ? "cpu" : "gpu";
}

/** 'cpu' or 'gpu', whether or not the device exists. */
mx::Device::DeviceType type_from(const std::string& name) {
  if (name != "cpu" && name != "gpu") throw wrong_type("argument 'device' must be 'cpu' or 'gpu', got '" + name + "'");
  return name == "cpu" ? mx::Device::cpu : mx::Device::gpu;
}

napi_value device_info(std::optional<mx::Device> device, Call* call) {
  napi_value object = nullptr;
  check(call->env, napi_create_object(call->env, &object));
  for (auto& [name, value] : mx::device_info(device.value_or(mx::default_device()))) {
    napi_value fact = std::visit([&](auto& v) { return to_js(*call, v); }, value);
    check(call->env, napi_set_named_property(call->env, object, name.c_str(), fact));
  }
  return object;
}

constexpr Op kOps[] = {
    op("defaultDevice", "", []() { return name_of(mx::default_device()); }),
    op("setDefaultDevice", "device", [](mx::Device device) { mx::set_default_device(device); }),
    op("deviceAvailable", "device", [](std::string name) { return mx::is_available(mx::Device(type_from(name))); }),
    op("deviceCount", "device", [](std::string name) { return mx::device_count(type_from(name)); }),
    op<device_info>("deviceInfo", "device"),
    op("defaultStream", "device", [](mx::Device device) { return mx::default_stream(device); }),
    op("setDefaultStream", "stream",
       [](napi_value stream, Call* call) {
         if (stream == nullptr) missing(*call, 0);
         mx::set_default_stream(mx::to_stream(stream_from(*call, 0, stream)));
       }),
    op("newStream", "device", [](mx::Device device) { return mx::new_stream(device); }),
    op("synchronize", "stream",
       [](napi_value stream, Call* call) {
         if (stream == nullptr) return mx::synchronize();
         mx::synchronize(mx::to_stream(stream_from(*call, 0, stream)));
       }),
    op("metalAvailable", "", []() { return mx::metal::is_available(); }),
    op("startMetalCapture", "file", [](std::string path) { mx::metal::start_capture(path); }),
    op("stopMetalCapture", "", []() { mx::metal::stop_capture(); }),
};

}  // namespace

void init_device(Addon& addon, napi_value exports) {
  bind(addon, exports, kOps);
  napi_value version = nullptr;
  check(addon.env, napi_create_string_utf8(addon.env, mx::version(), NAPI_AUTO_LENGTH, &version));
  check(addon.env, napi_set_named_property(addon.env, exports, "version", version));
}

}  // namespace sotto
