// Entry point: one Addon per environment, with every area on its exports.
#include <napi.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include "areas.h"
#include "failure.h"
#include "mlx/device.h"
#include "mlx/memory.h"
#include "mlx/stream.h"
#include "mlx/version.h"

using namespace sotto;

/**
 * Waits for queued work of the CPU streams. At exit, destructors of the libraries free memory of running products
 * (OpenBLAS's buffers), which crashed one exit in six with a large product queued.
 */
void sotto::synchronize_cpu_streams() {
  for (auto& stream : mx::get_streams()) {
    if (stream.device != mx::Device::cpu) continue;
    try {
      mx::synchronize(stream);
    } catch (...) {
      // The stream belongs to another thread, or it failed at exit, where errors have no receiver.
    }
  }
}

namespace {

constexpr void (*kAreas[])(Addon&, napi_value) = {
    init_array,  init_creation, init_elementwise, init_reduce, init_shape,      init_indexing,
    init_sort,   init_matmul,   init_conv,        init_quantize, init_fast,     init_cpu,      init_fft,
    init_linalg, init_random,   init_io,          init_transforms, init_function, init_memory,
    init_device, init_dtype,
};

/**
 * Static objects of MLX are destroyed in reverse order of creation. Its streams and allocator are created before this
 * handler is registered, so they outlive it. Work that frees memory into a destroyed allocator corrupts the heap.
 */
void synchronize_cpu_streams_at_exit() {
  mx::default_stream(mx::Device::cpu);
  mx::get_cache_memory();
  static const int registered = std::atexit(synchronize_cpu_streams);
  (void)registered;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  // Class layouts differ between MLX versions, so refuse to start.
  if (std::strcmp(mx::version(), SOTTO_MLX_BUILT_AGAINST) != 0) {
    throw Napi::Error::New(env, std::string("the addon was built against MLX " SOTTO_MLX_BUILT_AGAINST
                                            ", but the libmlx found at run time is ") + mx::version());
  }
  // MLX's first use creates the Metal device, which may be missing. An exception out of this function would end the
  // process.
  try {
    synchronize_cpu_streams_at_exit();
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, std::string("MLX can't start: ") + error.what());
  }
  auto* addon = new Addon(env);
  napi_status status = napi_set_instance_data(
      env, addon,
      [](napi_env, void* data, void*) {
        synchronize_cpu_streams();  // a worker's streams end with its thread
        static_cast<Addon*>(data)->on_environment_closed();
      },
      nullptr);
  if (status != napi_ok) {
    delete addon;
    throw Napi::Error::New(env, "the addon's state could not be set");
  }
  try {
    for (auto area : kAreas) area(*addon, exports);
  } catch (const Failure& failure) {
    throw Napi::Error::New(env, failure.message);
  } catch (const JsPending&) {
    throw env.GetAndClearPendingException();
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, std::string("MLX can't start: ") + error.what());
  }
  return exports;
}

}  // namespace

NODE_API_MODULE(sotto_mlx, init)
