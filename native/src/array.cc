// MxArray: creation from JavaScript data, and reading.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "areas.h"
#include "call.h"
#include "mlx/ops.h"
#include "mlx/transforms.h"
#include "sizes.h"

namespace sotto {

namespace {

// --- Typed arrays -------------------------------------------------------------------------------------------------

struct TypedArray {
  napi_typedarray_type type;
  size_t length;  // elements
  void* data;
  napi_value buffer;
};

std::optional<TypedArray> typed_array(const Call& call, napi_value value) {
  bool is = false;
  check(call.env, napi_is_typedarray(call.env, value, &is));
  if (!is) return std::nullopt;
  TypedArray t{};
  size_t offset = 0;
  check(call.env, napi_get_typedarray_info(call.env, value, &t.type, &t.length, &t.data, &t.buffer, &offset));
  return t;
}

Dtype natural_dtype(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array: return mx::int8;
    case napi_uint8_array:
    case napi_uint8_clamped_array: return mx::uint8;
    case napi_int16_array: return mx::int16;
    case napi_uint16_array: return mx::uint16;
    case napi_int32_array: return mx::int32;
    case napi_uint32_array: return mx::uint32;
    case napi_float32_array: return mx::float32;
    case napi_float64_array: return mx::float64;
    case napi_bigint64_array: return mx::int64;
    case napi_biguint64_array: return mx::uint64;
    default: throw wrong_type("this kind of typed array is not supported");
  }
}

/** Dtypes given as raw bits, because JavaScript has no typed array for them. */
bool is_bits(Dtype natural, Dtype wanted) {
  if (natural == mx::uint16) return wanted == mx::float16 || wanted == mx::bfloat16;
  if (natural == mx::uint8) return wanted == mx::bool_;
  if (natural == mx::float32) return wanted == mx::complex64;
  return false;
}

/** The requested shape, with at most one entry of -1; one axis if none is given. */
Shape fit(const std::optional<Shape>& requested, size_t size) {
  if (!requested) {
    if (size > INT32_MAX) throw wrong_value("an axis holds at most 2147483647 elements");
    return {static_cast<int>(size)};
  }
  Shape shape = *requested;
  auto found = std::find(shape.begin(), shape.end(), -1);
  if (found != shape.end()) {
    *found = 1;
    const size_t known = count_of(shape);
    if (known > 0 && size / known > INT32_MAX) throw wrong_value("an axis holds at most 2147483647 elements");
    *found = known > 0 ? static_cast<int>(size / known) : 0;
  }
  if (count_of(shape) != size) {
    throw wrong_value("the data has " + std::to_string(size) + " elements, which do not fit shape " + shape_text(*requested));
  }
  return shape;
}

array from_typed(const TypedArray& t, const std::optional<Shape>& shape, std::optional<Dtype> dtype) {
  Dtype natural = natural_dtype(t.type);
  // As for NumPy's doubles in Python: float32 unless float64 is requested, with which no GPU computes.
  Dtype wanted = dtype.value_or(natural == mx::float64 ? mx::float32 : natural);
  bool bits = is_bits(natural, wanted);
  Dtype stored = bits ? wanted : natural;
  size_t bytes = t.length * size_of(natural);
  if (bytes % size_of(stored) != 0) throw wrong_value("a complex number needs two elements");
  if (wanted == mx::float32 && natural == mx::float64) {
    // Converted now: MLX would keep the doubles until evaluation.
    auto* data = static_cast<const double*>(t.data);
    return array(data, fit(shape, t.length), mx::float32);
  }
  const Shape to = fit(shape, bytes / size_of(stored));
  mx::allocator::Data data = mx::allocator::malloc(bytes);
  if (bytes > 0) std::memcpy(data.buffer().raw_ptr(), t.data, bytes);
  array result(std::move(data), to, stored);
  return stored == wanted ? result : mx::astype(result, wanted, mx::Device(mx::Device::cpu));
}

// --- Numbers and nested lists -------------------------------------------------------------------------------------

struct Flat {
  Shape shape;
  std::vector<double> numbers;
  std::vector<int64_t> bigints;  // filled in parallel to numbers after the first bigint
  bool booleans = true;
  bool any_bigint = false;
};

void flatten(Call& call, napi_value value, size_t depth, Flat& out) {
  bool list = false;
  check(call.env, napi_is_array(call.env, value, &list));
  if (list) {
    uint32_t count = 0;
    check(call.env, napi_get_array_length(call.env, value, &count));
    if (depth == out.shape.size()) {
      if (!out.numbers.empty() || depth > 32) throw wrong_value("the nested arrays have different depths or lengths");
      out.shape.push_back(static_cast<int>(count));
    } else if (out.shape[depth] != static_cast<int>(count)) {
      throw wrong_value("the nested arrays have different depths or lengths");
    }
    for (uint32_t i = 0; i < count; i++) {
      napi_value item = nullptr;
      check(call.env, napi_get_element(call.env, value, i, &item));
      flatten(call, item, depth + 1, out);
    }
    return;
  }
  if (depth != out.shape.size()) throw wrong_value("the nested arrays have different depths or lengths");
  Operand item = operand_from(call, 0, value);
  if (item.as_array()) throw wrong_type("arrays inside a list: use mx.stack");
  double number = 0;
  int64_t whole = 0;
  if (auto* d = std::get_if<double>(&item.value)) {
    number = *d;
    whole = static_cast<int64_t>(std::isfinite(*d) ? std::clamp(*d, -9.2e18, 9.2e18) : 0);
    out.booleans = false;
  } else if (auto* i = std::get_if<int64_t>(&item.value)) {
    number = static_cast<double>(whole = *i);
    out.booleans = false;
    out.any_bigint = true;
  } else {
    number = static_cast<double>(whole = std::get<bool>(item.value));
  }
  out.numbers.push_back(number);
  out.bigints.push_back(whole);
}

array from_nested(Call& call, napi_value value, const std::optional<Shape>& shape, std::optional<Dtype> dtype) {
  Flat flat;
  flatten(call, value, 0, flat);
  Shape natural = flat.shape;
  Shape to = shape ? fit(shape, flat.numbers.size()) : natural;
  bool boolean = flat.booleans && !flat.numbers.empty();
  Dtype out = dtype.value_or(boolean ? mx::bool_ : flat.any_bigint ? mx::int64 : mx::float32);
  bool exact = mx::issubdtype(out, mx::integer) || out == mx::bool_;
  if (exact) {
    for (size_t i = 0; i < flat.numbers.size(); i++) check_integer(flat.numbers[i], flat.bigints[i], out);
    return array(flat.bigints.data(), to, out);
  }
  if (out == mx::float64) return array(flat.numbers.data(), to, out);
  std::vector<float> narrow(flat.numbers.begin(), flat.numbers.end());
  return array(narrow.data(), to, out);
}

array make_array(napi_value data, std::optional<Shape> shape, std::optional<Dtype> dtype, Call* call) {
  if (data == nullptr) missing(*call, 0);
  if (auto t = typed_array(*call, data)) return from_typed(*t, shape, dtype);
  if (call->addon.handle(data) != nullptr) {
    array a = array_from(*call, 0, data);
    if (shape) a = mx::reshape(a, *shape);
    return dtype ? mx::astype(a, *dtype) : a;
  }
  return from_nested(*call, data, shape, dtype);
}

/** Shares the typed array's memory where MLX can (Apple's GPU, page-aligned); otherwise copies. */
array as_array(napi_value data, std::optional<Shape> shape, Call* call) {
  if (data == nullptr) missing(*call, 0);
  auto t = typed_array(*call, data);
  if (!t) mistyped(*call, 0, "a typed array", data);
  Dtype dtype = natural_dtype(t->type);
  if (t->length == 0) return from_typed(*t, shape, dtype);
  const Shape to = fit(shape, t->length);  // Before the reference exists: an exception must not keep the buffer alive.
  napi_ref ref = nullptr;
  check(call->env, napi_create_reference(call->env, t->buffer, 1, &ref));
  // MLX may release it on one of its threads, so the reference is deleted later on this one.
  auto deferred_releases = call->addon.deferred_releases();
  call->addon.release_deferred();
  return array(t->data, to, dtype, [deferred_releases, ref](void*) {
    std::lock_guard lock(deferred_releases->mutex);
    deferred_releases->refs.push_back(ref);
  });
}

// --- Reading back -------------------------------------------------------------------------------------------------

/** Evaluates the array and makes it row-major. */
array readable(array a) {
  a.eval();
  if (a.flags().row_contiguous) return a;
  a = mx::contiguous(a, false, a.dtype() == mx::float64 ? mx::StreamOrDevice(mx::Device::cpu) : mx::StreamOrDevice{});
  a.eval();
  return a;
}

struct View {
  napi_typedarray_type type;
  size_t per_element;
};

View view_of(Dtype dtype) {
  switch (dtype) {
    case mx::bool_:
    case mx::uint8: return {napi_uint8_array, 1};
    case mx::int8: return {napi_int8_array, 1};
    case mx::uint16:
    case mx::float16:
    case mx::bfloat16: return {napi_uint16_array, 1};
    case mx::int16: return {napi_int16_array, 1};
    case mx::uint32: return {napi_uint32_array, 1};
    case mx::int32: return {napi_int32_array, 1};
    case mx::uint64: return {napi_biguint64_array, 1};
    case mx::int64: return {napi_bigint64_array, 1};
    case mx::float32: return {napi_float32_array, 1};
    case mx::float64: return {napi_float64_array, 1};
    case mx::complex64: return {napi_float32_array, 2};
  }
  throw Failure("INTERNAL", "unknown dtype");
}

napi_value typed(Call& call, const array& a, napi_value buffer) {
  View view = view_of(a.dtype());
  napi_value out = nullptr;
  check(call.env, napi_create_typedarray(call.env, view.type, a.size() * view.per_element, buffer, 0, &out));
  return out;
}

/** Limit of typed arrays in all supported versions of Node. */
constexpr size_t kMaxTypedArrayElements = UINT32_MAX;
/** From this size on allocate in a way that can fail: napi_create_arraybuffer would end the process. */
constexpr size_t kLarge = size_t{1} << 26;

/** Allocates a V8 buffer. @throws Failure OUT_OF_MEMORY */
napi_value new_buffer(Call& call, size_t bytes, void** data) {
  napi_value buffer = nullptr;
  if (bytes < kLarge) {
    check(call.env, napi_create_arraybuffer(call.env, bytes, data, &buffer));
    return buffer;
  }
  napi_value global = nullptr;
  napi_value constructor = nullptr;
  check(call.env, napi_get_global(call.env, &global));
  check(call.env, napi_get_named_property(call.env, global, "ArrayBuffer", &constructor));
  napi_value size = to_js(call, static_cast<double>(bytes));
  if (napi_new_instance(call.env, constructor, 1, &size, &buffer) != napi_ok) {
    napi_value refused = nullptr;
    napi_get_and_clear_last_exception(call.env, &refused);
    throw Failure("OUT_OF_MEMORY", "JavaScript cannot allocate " + std::to_string(bytes) + " bytes");
  }
  check(call.env, napi_get_arraybuffer_info(call.env, buffer, data, nullptr));
  return buffer;
}

void check_elements(const array& a, Dtype dtype) {
  if (a.size() <= kMaxTypedArrayElements / view_of(dtype).per_element) return;
  throw wrong_value("a typed array holds at most " + std::to_string(kMaxTypedArrayElements) + " elements");
}

napi_value to_typed_array(array given, std::optional<Dtype> dtype, Call* call) {
  check_elements(given, dtype.value_or(given.dtype()));
  array a = readable(dtype && *dtype != given.dtype() ? mx::astype(given, *dtype) : given);
  void* data = nullptr;
  napi_value buffer = new_buffer(*call, a.nbytes(), &data);
  if (a.nbytes() > 0) std::memcpy(data, a.data<char>(), a.nbytes());
  return typed(*call, a, buffer);
}

/** A typed array over MLX's own memory, without a copy; the memory lives as long as the typed array. */
napi_value shared_view(array given, Call* call) {
  check_elements(given, given.dtype());
  auto held = std::make_unique<array>(readable(given));
  napi_value buffer = nullptr;
  if (held->nbytes() == 0) return to_typed_array(given, std::nullopt, call);
  auto release = [](napi_env, void*, void* hint) { delete static_cast<array*>(hint); };
  napi_status status =
      napi_create_external_arraybuffer(call->env, held->data<char>(), held->nbytes(), release, held.get(), &buffer);
  // Some hosts (a sandboxed V8) forbid external memory.
  if (status != napi_ok) return to_typed_array(given, std::nullopt, call);
  return typed(*call, *held.release(), buffer);
}

/** An element as a JavaScript value: number, boolean, bigint, or {re, im}. */
napi_value element(Call& call, const array& a, size_t i) {
  napi_value out = nullptr;
  switch (a.dtype()) {
    case mx::bool_: return to_js(call, a.data<bool>()[i]);
    case mx::uint8: return to_js(call, static_cast<double>(a.data<uint8_t>()[i]));
    case mx::int8: return to_js(call, static_cast<double>(a.data<int8_t>()[i]));
    case mx::uint16: return to_js(call, static_cast<double>(a.data<uint16_t>()[i]));
    case mx::int16: return to_js(call, static_cast<double>(a.data<int16_t>()[i]));
    case mx::uint32: return to_js(call, static_cast<double>(a.data<uint32_t>()[i]));
    case mx::int32: return to_js(call, static_cast<double>(a.data<int32_t>()[i]));
    case mx::uint64:
      check(call.env, napi_create_bigint_uint64(call.env, a.data<uint64_t>()[i], &out));
      return out;
    case mx::int64:
      check(call.env, napi_create_bigint_int64(call.env, a.data<int64_t>()[i], &out));
      return out;
    case mx::float16: return to_js(call, static_cast<double>(static_cast<float>(a.data<mx::float16_t>()[i])));
    case mx::bfloat16: return to_js(call, static_cast<double>(static_cast<float>(a.data<mx::bfloat16_t>()[i])));
    case mx::float32: return to_js(call, static_cast<double>(a.data<float>()[i]));
    case mx::float64: return to_js(call, a.data<double>()[i]);
    case mx::complex64: {
      auto z = a.data<mx::complex64_t>()[i];
      check(call.env, napi_create_object(call.env, &out));
      check(call.env, napi_set_named_property(call.env, out, "re", to_js(call, static_cast<double>(z.real()))));
      check(call.env, napi_set_named_property(call.env, out, "im", to_js(call, static_cast<double>(z.imag()))));
      return out;
    }
  }
  throw Failure("INTERNAL", "unknown dtype");
}

napi_value nested(Call& call, const array& a, size_t axis, size_t& next) {
  if (axis == a.ndim()) return element(call, a, next++);
  napi_value list = nullptr;
  uint32_t count = static_cast<uint32_t>(a.shape()[axis]);
  check(call.env, napi_create_array_with_length(call.env, count, &list));
  for (uint32_t i = 0; i < count; i++) {
    napi_handle_scope scope;
    check(call.env, napi_open_handle_scope(call.env, &scope));
    napi_status status = napi_set_element(call.env, list, i, nested(call, a, axis + 1, next));
    napi_close_handle_scope(call.env, scope);
    check(call.env, status);
  }
  return list;
}

constexpr Op kOps[] = {
    op<make_array>("array", "data, shape, dtype"),
    op<as_array>("asarray", "data, shape"),
};

constexpr Op kProperties[] = {
    op("shape", "a", [](array a, Call* call) { return to_js(*call, a.shape()); }),
    op("dtype", "a", [](array a) { return a.dtype(); }),
    op("ndim", "a", [](array a) { return a.ndim(); }),
    op("size", "a", [](array a) { return a.size(); }),
    op("itemsize", "a", [](array a) { return a.itemsize(); }),
    op("nbytes", "a", [](array a) { return a.nbytes(); }),
    op("disposed", "a", [](napi_value a, Call* call) {
      Handle* handle = a ? call->addon.handle(a) : nullptr;
      return handle == nullptr || !handle->value.has_value();
    }),
};

constexpr Op kMethods[] = {
    op("item", "a",
       [](array a, Call* call) {
         if (a.size() != 1) throw wrong_value("the array must have exactly one element");
         return element(*call, readable(a), 0);
       }),
    op<to_typed_array>("toTypedArray", "a, dtype"),
    op<shared_view>("data", "a"),
    op("tolist", "a",
       [](array a, Call* call) {
         size_t next = 0;
         return nested(*call, readable(a), 0, next);
       }),
    op("astype", "a, dtype", [](array a, Dtype dtype, Stream s) { return mx::astype(a, dtype, s); }),
    op("reshape", "a, shape", [](array a, Shape shape, Stream s) { return mx::reshape(a, shape, s); }),
    op("transpose", "a, axes",
       [](array a, Axes axes, Stream s) { return axes.list ? mx::transpose(a, *axes.list, s) : mx::transpose(a, s); }),
    op("dispose", "a",
       [](napi_value a, Call* call) {
         Handle* handle = a ? call->addon.handle(a) : nullptr;
         if (handle == nullptr) throw wrong_type("`this` must be an MxArray");
         call->addon.dispose(*handle);
       }),
    op("toString", "a",
       [](napi_value a, Call* call) {
         Handle* handle = a ? call->addon.handle(a) : nullptr;
         if (handle == nullptr) throw wrong_type("`this` must be an MxArray");
         return "MxArray " + (handle->value ? describe(*handle->value) : std::string("(disposed)"));
       }),
};

}  // namespace

void init_array(Addon& addon, napi_value exports) {
  bind(addon, exports, kOps);
  std::vector<napi_property_descriptor> members;
  for (const Op& op : kProperties) {
    members.push_back({op.name, nullptr, nullptr, dispatch_call, nullptr, nullptr, napi_configurable, &addon.bind(op, true)});
  }
  for (const Op& op : kMethods) {
    auto attributes = static_cast<napi_property_attributes>(napi_writable | napi_configurable);
    members.push_back({op.name, nullptr, dispatch_call, nullptr, nullptr, nullptr, attributes, &addon.bind(op, true)});
  }
  napi_value result = nullptr;
  check(addon.env, napi_define_class(addon.env, "MxArray", NAPI_AUTO_LENGTH, Addon::construct, &addon, members.size(),
                                     members.data(), &result));
  check(addon.env, napi_create_reference(addon.env, result, 1, &addon.array_class));
  check(addon.env, napi_set_named_property(addon.env, exports, "MxArray", result));
}

}  // namespace sotto
