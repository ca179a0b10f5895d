// Files: safetensors and .npy. GGUF is excluded on purpose (native/NOTES.md).
#include "mlx/io.h"

#include <algorithm>
#include <unordered_map>

#include "areas.h"
#include "call.h"
#include "mapping.h"

namespace sotto {

namespace {

/** Defines an own, enumerable property: a tensor named `__proto__` must not call the setter. */
void define(Call& call, napi_value object, const std::string& name, napi_value value) {
  napi_property_descriptor property{};
  property.name = to_js(call, name);
  property.value = value;
  property.attributes = static_cast<napi_property_attributes>(napi_writable | napi_enumerable | napi_configurable);
  check(call.env, napi_define_properties(call.env, object, 1, &property));
}

template <typename Map>
std::vector<std::string> sorted_names(const Map& map) {
  std::vector<std::string> names;
  for (auto& [name, value] : map) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

template <typename F>
void each_property(Call& call, napi_value object, F&& f) {
  napi_value keys = nullptr;
  uint32_t count = 0;
  check(call.env, napi_get_all_property_names(call.env, object, napi_key_own_only,
                                              static_cast<napi_key_filter>(napi_key_enumerable | napi_key_skip_symbols),
                                              napi_key_numbers_to_strings, &keys));
  check(call.env, napi_get_array_length(call.env, keys, &count));
  for (uint32_t i = 0; i < count; i++) {
    napi_value key = nullptr;
    napi_value value = nullptr;
    check(call.env, napi_get_element(call.env, keys, i, &key));
    check(call.env, napi_get_property(call.env, object, key, &value));
    f(string_from(call, 0, key), value);
  }
}

napi_value load_safetensors(std::string path, Stream s, Call* call) {
  auto [arrays, metadata] = mx::load_safetensors(path, s);
  napi_value tensors = nullptr;
  napi_value facts = nullptr;
  napi_value both = nullptr;
  check(call->env, napi_create_object(call->env, &tensors));
  check(call->env, napi_create_object(call->env, &facts));
  check(call->env, napi_create_object(call->env, &both));
  for (auto& name : sorted_names(arrays)) define(*call, tensors, name, call->addon.wrap(arrays.at(name)));
  for (auto& name : sorted_names(metadata)) define(*call, facts, name, to_js(*call, metadata.at(name)));
  define(*call, both, "arrays", tensors);
  define(*call, both, "metadata", facts);
  return both;
}

template <typename T>
std::vector<T> list_of(Call& call, size_t i, napi_value list, T (*convert)(Call&, size_t, napi_value)) {
  bool is_list = false;
  if (list != nullptr) check(call.env, napi_is_array(call.env, list, &is_list));
  if (!is_list) missing(call, i);
  uint32_t count = 0;
  check(call.env, napi_get_array_length(call.env, list, &count));
  std::vector<T> items;
  items.reserve(count);
  for (uint32_t k = 0; k < count; k++) {
    napi_value item = nullptr;
    check(call.env, napi_get_element(call.env, list, k, &item));
    items.push_back(convert(call, i, item));
  }
  return items;
}

napi_value map_file(std::string path, int64_t bytes, std::vector<int64_t> offsets, napi_value shapes, napi_value dtypes, Call* call) {
  auto shape_list = list_of(*call, 3, shapes, shape_from);
  auto dtype_list = list_of(*call, 4, dtypes, dtype_from);
  if (shape_list.size() != offsets.size() || dtype_list.size() != offsets.size()) {
    throw wrong_value("offsets, shapes and dtypes must have the same length");
  }
  std::vector<Region> regions;
  regions.reserve(offsets.size());
  for (size_t i = 0; i < offsets.size(); i++) {
    if (offsets[i] < 0) throw wrong_value("an offset must not be negative");
    regions.push_back({static_cast<size_t>(offsets[i]), std::move(shape_list[i]), dtype_list[i]});
  }
  if (bytes < 0) throw wrong_value("bytes must not be negative");
  auto arrays = map_arrays(path, static_cast<size_t>(bytes), regions);
  napi_value list = nullptr;
  if (!arrays) {
    check(call->env, napi_get_null(call->env, &list));
    return list;
  }
  check(call->env, napi_create_array_with_length(call->env, arrays->size(), &list));
  for (uint32_t i = 0; i < arrays->size(); i++) {
    // File pages belong to the system; reporting them would trigger garbage collections during loading.
    check(call->env, napi_set_element(call->env, list, i, call->addon.wrap(std::move((*arrays)[i]), false)));
  }
  return list;
}

void save_safetensors(std::string path, napi_value arrays, napi_value metadata, Call* call) {
  if (arrays == nullptr) missing(*call, 1);
  std::unordered_map<std::string, array> tensors;
  std::unordered_map<std::string, std::string> facts;
  each_property(*call, arrays, [&](std::string name, napi_value value) {
    Handle* handle = call->addon.handle(value);
    if (handle == nullptr || !handle->value) throw wrong_type("'" + name + "' must be an MxArray that is not disposed");
    tensors.emplace(std::move(name), *handle->value);
  });
  if (metadata != nullptr) {
    each_property(*call, metadata, [&](std::string name, napi_value value) {
      facts.emplace(std::move(name), string_from(*call, 2, value));
    });
  }
  // MLX would append a missing extension and write another file than the caller named.
  if (!path.ends_with(".safetensors")) throw wrong_value("'" + path + "' must end in .safetensors");
  mx::save_safetensors(path, std::move(tensors), std::move(facts));
}

constexpr Op kOps[] = {
    op<load_safetensors>("loadSafetensors", "file"),
    op<map_file>("mapFile", "file, bytes, offsets, shapes, dtypes"),
    op<save_safetensors>("saveSafetensors", "file, arrays, metadata"),
    op("load", "file", [](std::string path, Stream s) { return mx::load(path, s); }),
    op("save", "file, arr",
       [](std::string path, array a) {
         if (!path.ends_with(".npy")) throw wrong_value("'" + path + "' must end in .npy");
         mx::save(path, a);
       }),
};

}  // namespace

void init_io(Addon& addon, napi_value exports) {
  bind(addon, exports, kOps);
}

}  // namespace sotto
