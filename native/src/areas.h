// One initializer per MLX area; each adds its table of ops to the exports.
#pragma once

#include "addon.h"

namespace sotto {

void init_array(Addon&, napi_value exports);
void init_creation(Addon&, napi_value exports);
void init_elementwise(Addon&, napi_value exports);
void init_reduce(Addon&, napi_value exports);
void init_shape(Addon&, napi_value exports);
void init_indexing(Addon&, napi_value exports);
void init_sort(Addon&, napi_value exports);
void init_matmul(Addon&, napi_value exports);
void init_conv(Addon&, napi_value exports);
void init_quantize(Addon&, napi_value exports);
void init_fast(Addon&, napi_value exports);
void init_cpu(Addon&, napi_value exports);
void init_fft(Addon&, napi_value exports);
void init_linalg(Addon&, napi_value exports);
void init_random(Addon&, napi_value exports);
void init_io(Addon&, napi_value exports);
void init_transforms(Addon&, napi_value exports);
void init_function(Addon&, napi_value exports);
void init_dtype(Addon&, napi_value exports);
void init_memory(Addon&, napi_value exports);
void init_device(Addon&, napi_value exports);

}  // namespace sotto
