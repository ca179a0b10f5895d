#include "convert.h"

#include <cmath>
#include <iterator>
#include <limits>

#include "mlx/stream.h"
#include "sizes.h"

namespace sotto {

namespace {

napi_valuetype type_of(const Call& call, napi_value value) {
  napi_valuetype type;
  check(call.env, napi_typeof(call.env, value, &type));
  return type;
}

bool is_array(const Call& call, napi_value value) {
  bool is = false;
  check(call.env, napi_is_array(call.env, value, &is));
  return is;
}

struct NamedDtype {
  const char* name;
  Dtype dtype;
};
constexpr NamedDtype kDtypes[] = {
    {"bool", mx::bool_},       {"uint8", mx::uint8},       {"uint16", mx::uint16},     {"uint32", mx::uint32},
    {"uint64", mx::uint64},    {"int8", mx::int8},         {"int16", mx::int16},       {"int32", mx::int32},
    {"int64", mx::int64},      {"float16", mx::float16},   {"bfloat16", mx::bfloat16}, {"float32", mx::float32},
    {"float64", mx::float64},  {"complex64", mx::complex64},
};

bool is_floating(Dtype dtype) {
  return mx::issubdtype(dtype, mx::inexact);
}

/** Describes a value for an error message. */
std::string kind_of(const Call& call, napi_value value) {
  static constexpr const char* kNames[] = {"undefined", "null",     "a boolean", "a number", "a string",
                                           "a symbol",  "an object", "a function", "an external", "a bigint"};
  napi_valuetype type = type_of(call, value);
  if (type == napi_string) {
    std::string text = string_from(const_cast<Call&>(call), 0, value);
    return "'" + (text.size() > 40 ? text.substr(0, 40) + "…" : text) + "'";
  }
  if (type == napi_object) {
    if (Handle* handle = call.addon.handle(value)) return handle->value ? "an MxArray" : "a disposed MxArray";
    if (is_array(call, value)) return "a JavaScript array";
    bool is = false;
    if (napi_is_typedarray(call.env, value, &is) == napi_ok && is) return "a typed array (wrap it with mx.array)";
  }
  if (type == napi_number) {
    double number = 0;
    napi_get_value_double(call.env, value, &number);
    char text[32];
    std::snprintf(text, sizeof text, "%.10g", number);
    return text;
  }
  return kNames[type];
}

}  // namespace

void missing(const Call& call, size_t i) {
  throw wrong_type("argument '" + call.name(i) + "' is missing");
}

void mistyped(const Call& call, size_t i, const char* wanted, napi_value got) {
  throw wrong_type("argument '" + call.name(i) + "' must be " + wanted + ", got " + kind_of(call, got));
}

const char* dtype_name(Dtype dtype) {
  for (auto& named : kDtypes) {
    if (named.dtype == dtype) return named.name;
  }
  return "unknown";
}

std::string describe(const array& a) {
  std::string text = std::string(dtype_name(a.dtype())) + "[";
  for (size_t i = 0; i < a.ndim(); i++) text += (i ? "," : "") + std::to_string(a.shape()[i]);
  return text + "]";
}

void check_integer(double number, int64_t whole, Dtype dtype) {
  const auto refuse = [&](const char* what) {
    throw wrong_value(std::string(dtype_name(dtype)) + " can't hold " + what);
  };
  if (std::isnan(number)) refuse("NaN");
  if (std::isinf(number)) refuse("an infinity");
  if (number != std::floor(number)) refuse("a fraction");
  if (dtype == mx::bool_) return;
  const auto [low, high] = integer_range(dtype);
  // `whole` differs from the number if that does not fit int64.
  if (static_cast<double>(whole) == number && whole >= low && whole <= high) return;
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", number);
  refuse(text);
}

Operand operand_from(Call& call, size_t i, napi_value value) {
  if (Handle* handle = call.addon.handle(value)) {
    if (!handle->value) throw wrong_value("argument '" + call.name(i) + "' was disposed");
    return {*handle->value};
  }
  switch (type_of(call, value)) {
    case napi_number: {
      double number = 0;
      check(call.env, napi_get_value_double(call.env, value, &number));
      return {number};
    }
    case napi_boolean:
      return {bool_from(call, i, value)};
    case napi_bigint: {
      int64_t number = 0;
      bool lossless = false;
      check(call.env, napi_get_value_bigint_int64(call.env, value, &number, &lossless));
      if (!lossless) throw wrong_value("argument '" + call.name(i) + "' does not fit into 64 bits");
      return {number};
    }
    default:
      mistyped(call, i, "an MxArray, a number or a boolean", value);
  }
}

array Operand::to_array(std::optional<Dtype> dtype) const {
  if (auto* a = as_array()) return *a;
  if (auto* flag = std::get_if<bool>(&value)) return array(*flag, dtype.value_or(mx::bool_));
  if (auto* whole = std::get_if<int64_t>(&value)) {
    Dtype out = dtype.value_or(mx::int64);
    if (mx::issubdtype(out, mx::integer)) check_integer(static_cast<double>(*whole), *whole, out);
    return array(*whole, out == mx::bool_ ? mx::int64 : out);
  }
  double number = std::get<double>(value);
  if (!dtype) return array(static_cast<float>(number), mx::float32);
  if (is_floating(*dtype)) {
    if (*dtype == mx::float64) return array(number, mx::float64);
    return array(static_cast<float>(number), *dtype);
  }
  if (std::floor(number) != number || std::abs(number) > 9.007199254740992e15) {
    return array(static_cast<float>(number), mx::float32);
  }
  Dtype out = *dtype == mx::bool_ ? mx::int32 : *dtype;
  check_integer(number, static_cast<int64_t>(number), out);
  return array(static_cast<int64_t>(number), out);
}

array Operand::as_element_of(Dtype dtype) const {
  auto* number = std::get_if<double>(&value);
  if (number && mx::issubdtype(dtype, mx::integer) && !(std::abs(*number) <= 9.007199254740992e15)) {
    check_integer(*number, 0, dtype);
  }
  return to_array(dtype);
}

array Operand::with_dtype_of(const Operand& other) const {
  if (auto* a = as_array()) return *a;
  if (auto* b = other.as_array()) return to_array(b->dtype());
  return to_array();
}

int int32_of(const Operand& operand, const char* name) {
  auto* number = std::get_if<double>(&operand.value);
  if (number == nullptr || *number != std::floor(*number) || std::abs(*number) > std::numeric_limits<int>::max()) {
    throw wrong_type(std::string("argument '") + name + "' must be an MxArray or an integer of 32 bits");
  }
  return static_cast<int>(*number);
}

array array_from(Call& call, size_t i, napi_value value) {
  return operand_from(call, i, value).to_array();
}

namespace {

/** Calls body(item) for each element of a JavaScript array. */
template <class Body>
void each_element(Call& call, size_t i, napi_value value, const Body& body) {
  if (!is_array(call, value)) mistyped(call, i, "a JavaScript array of MxArrays", value);
  uint32_t count = 0;
  check(call.env, napi_get_array_length(call.env, value, &count));
  for (uint32_t k = 0; k < count; k++) {
    napi_value item = nullptr;
    check(call.env, napi_get_element(call.env, value, k, &item));
    body(item);
  }
}

}  // namespace

std::vector<array> arrays_from(Call& call, size_t i, napi_value value) {
  std::vector<array> arrays;
  each_element(call, i, value, [&](napi_value item) { arrays.push_back(array_from(call, i, item)); });
  return arrays;
}

/** As arrays_from; null and undefined give empty entries. */
std::vector<std::optional<array>> maybe_arrays_from(Call& call, size_t i, napi_value value) {
  std::vector<std::optional<array>> arrays;
  each_element(call, i, value, [&](napi_value item) {
    napi_valuetype type;
    check(call.env, napi_typeof(call.env, item, &type));
    if (type == napi_null || type == napi_undefined) arrays.emplace_back();
    else arrays.emplace_back(array_from(call, i, item));
  });
  return arrays;
}

VarArgs varargs_from(Call& call, size_t i) {
  if (i + 1 == call.count && is_array(call, call.values[i])) return {arrays_from(call, i, call.values[i])};
  VarArgs varargs;
  for (size_t k = i; k < call.count; k++) varargs.arrays.push_back(array_from(call, i, call.values[k]));
  return varargs;
}

double number_from(Call& call, size_t i, napi_value value) {
  double number = 0;
  if (napi_get_value_double(call.env, value, &number) == napi_ok) return number;
  mistyped(call, i, "a number", value);
}

int64_t integer_from(Call& call, size_t i, napi_value value) {
  double number = 0;
  if (napi_get_value_double(call.env, value, &number) != napi_ok || std::floor(number) != number ||
      std::abs(number) > 9.007199254740992e15) {
    mistyped(call, i, "an integer", value);
  }
  return static_cast<int64_t>(number);
}

int int_from(Call& call, size_t i, napi_value value) {
  int64_t number = integer_from(call, i, value);
  if (number < std::numeric_limits<int>::min() || number > std::numeric_limits<int>::max()) {
    mistyped(call, i, "an integer of 32 bits", value);
  }
  return static_cast<int>(number);
}

bool bool_from(Call& call, size_t i, napi_value value) {
  bool flag = false;
  if (napi_get_value_bool(call.env, value, &flag) == napi_ok) return flag;
  mistyped(call, i, "a boolean", value);
}

std::string string_from(Call& call, size_t i, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(call.env, value, nullptr, 0, &length) != napi_ok) mistyped(call, i, "a string", value);
  std::string text(length, '\0');
  check(call.env, napi_get_value_string_utf8(call.env, value, text.data(), length + 1, &length));
  return text;
}

Dtype dtype_from(Call& call, size_t i, napi_value value) {
  char name[16];
  size_t length = 0;
  if (napi_get_value_string_utf8(call.env, value, name, sizeof name, &length) == napi_ok) {
    for (auto& named : kDtypes) {
      if (std::string_view(name, length) == named.name) return named.dtype;
    }
  }
  mistyped(call, i, "a dtype ('float32', 'float16', 'bfloat16', 'int32', 'uint8', 'bool', …)", value);
}

namespace {

template <typename List, typename Item>
List list_from(Call& call, size_t i, napi_value value, Item (*convert)(Call&, size_t, napi_value)) {
  List list;
  if (type_of(call, value) == napi_number) {
    list.push_back(convert(call, i, value));
    return list;
  }
  if (!is_array(call, value)) mistyped(call, i, "an integer or an array of integers", value);
  uint32_t count = 0;
  check(call.env, napi_get_array_length(call.env, value, &count));
  for (uint32_t k = 0; k < count; k++) {
    napi_value item = nullptr;
    check(call.env, napi_get_element(call.env, value, k, &item));
    list.push_back(convert(call, i, item));
  }
  return list;
}

}  // namespace

std::vector<int> ints_from(Call& call, size_t i, napi_value value) {
  return list_from<std::vector<int>>(call, i, value, int_from);
}

std::vector<int64_t> longs_from(Call& call, size_t i, napi_value value) {
  return list_from<std::vector<int64_t>>(call, i, value, integer_from);
}

Shape shape_from(Call& call, size_t i, napi_value value) {
  return list_from<Shape>(call, i, value, int_from);
}

Ints From<Ints>::get(Call& call, size_t i) {
  napi_value value = call.get(i);
  if (value == nullptr) missing(call, i);
  return {ints_from(call, i, value), !is_array(call, value)};
}

std::vector<int> Ints::times(size_t n) const {
  return single ? std::vector<int>(n, list.front()) : list;
}

std::vector<int> Axes::of(const array& a) const {
  if (list) return *list;
  std::vector<int> all(a.ndim());
  for (size_t i = 0; i < all.size(); i++) all[i] = static_cast<int>(i);
  return all;
}

mx::Device device_from(Call& call, size_t i, napi_value value) {
  if (type_of(call, value) == napi_string) {
    std::string name = string_from(call, i, value);
    if (name == "cpu") return mx::Device::cpu;
    if (name == "gpu") {
      if (!mx::is_available(mx::Device::gpu)) throw wrong_value("MLX finds no GPU");
      return mx::Device::gpu;
    }
  }
  mistyped(call, i, "'cpu' or 'gpu'", value);
}

Stream stream_from(Call& call, size_t i, napi_value value) {
  if (type_of(call, value) == napi_string) return {device_from(call, i, value)};
  if (type_of(call, value) != napi_object) mistyped(call, i, "'cpu', 'gpu' or a stream", value);
  napi_value device = nullptr;
  napi_value index = nullptr;
  check(call.env, napi_get_named_property(call.env, value, "device", &device));
  check(call.env, napi_get_named_property(call.env, value, "index", &index));
  mx::Stream stream(int_from(call, i, index), device_from(call, i, device));
  // MLX does not check the index, so reject a stream that does not exist.
  for (auto& known : mx::get_streams()) {
    if (known == stream) return {stream};
  }
  mistyped(call, i, "a stream made in this thread (mx.newStream, mx.defaultStream)", value);
}

napi_value to_js(Call& call, bool value) {
  napi_value out = nullptr;
  check(call.env, napi_get_boolean(call.env, value, &out));
  return out;
}

napi_value to_js(Call& call, double value) {
  napi_value out = nullptr;
  check(call.env, napi_create_double(call.env, value, &out));
  return out;
}

napi_value to_js(Call& call, const std::string& value) {
  napi_value out = nullptr;
  check(call.env, napi_create_string_utf8(call.env, value.data(), value.size(), &out));
  return out;
}

napi_value to_js(Call& call, Dtype value) {
  return to_js(call, std::string(dtype_name(value)));
}

napi_value to_js(Call& call, std::vector<array> values) {
  // Before the first handle is created: an exception must not leak handles.
  for (const array& value : values) check_size(value);
  napi_value list = nullptr;
  check(call.env, napi_create_array_with_length(call.env, values.size(), &list));
  for (uint32_t i = 0; i < values.size(); i++) {
    check(call.env, napi_set_element(call.env, list, i, call.addon.wrap(std::move(values[i]))));
  }
  return list;
}

namespace {

template <typename List>
napi_value numbers(Call& call, const List& values) {
  napi_value list = nullptr;
  check(call.env, napi_create_array_with_length(call.env, values.size(), &list));
  for (uint32_t i = 0; i < values.size(); i++) {
    check(call.env, napi_set_element(call.env, list, i, to_js(call, values[i])));
  }
  return list;
}

}  // namespace

napi_value to_js(Call& call, const std::vector<int>& values) {
  return numbers(call, values);
}

napi_value to_js(Call& call, const Shape& values) {
  return numbers(call, values);
}

napi_value to_js(Call& call, const mx::Stream& stream) {
  napi_value object = nullptr;
  check(call.env, napi_create_object(call.env, &object));
  std::string device = stream.device == mx::Device::cpu ? "cpu" : "gpu";
  check(call.env, napi_set_named_property(call.env, object, "device", to_js(call, device)));
  check(call.env, napi_set_named_property(call.env, object, "index", to_js(call, stream.index)));
  check(call.env, napi_object_freeze(call.env, object));
  return object;
}

}  // namespace sotto
