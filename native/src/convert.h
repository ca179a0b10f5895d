// Conversion of JavaScript values to C++ arguments and of C++ results to JavaScript. `From<T>::get(call, i)` converts
// parameter `i`; a type whose `optional` is true may be omitted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mlx/dtype.h"
#include "mlx/utils.h"
#include "op.h"

namespace sotto {

using mx::array;
using mx::Dtype;
using mx::Shape;

// --- Types for signatures -------------------------------------------------------------------------------------------

/** Keyword `stream`: 'cpu', 'gpu' or a stream object; the default stream of the default device if omitted. */
struct Stream {
  mx::StreamOrDevice value;
  operator mx::StreamOrDevice() const { return value; }
};

/** A number, boolean or string with a default: `Default<1>`, `Default<false>`. */
template <auto Value>
struct Default {
  decltype(Value) value = Value;
  operator decltype(Value)() const { return value; }
};

/** `axis`: an integer, several, or all if omitted. */
struct Axes {
  std::optional<std::vector<int>> list;
  /** The axes of `a`: all if omitted. */
  std::vector<int> of(const array& a) const;
};

/** One integer or a list of integers: Python's `int | Sequence[int]`. */
struct Ints {
  std::vector<int> list;
  bool single = false;
  /** The list, or a single integer repeated `n` times. */
  std::vector<int> times(size_t n) const;
};

/**
 * An array or a weakly typed JavaScript scalar. With an array operand, a scalar takes the array's dtype (a fraction
 * with integers gives float32); alone a number is float32, a boolean bool, a bigint int64.
 */
struct Operand {
  std::variant<array, double, bool, int64_t> value;
  const array* as_array() const { return std::get_if<array>(&value); }
  array to_array() const { return to_array(std::nullopt); }
  array with_dtype_of(const Operand& other) const;
  array to_array(std::optional<Dtype> dtype) const;
  /** As an element of `dtype`. @throws Failure for NaN and infinities as integers */
  array as_element_of(Dtype dtype) const;
};

/** All remaining positional arguments, or one JavaScript array of them. */
struct VarArgs {
  std::vector<array> arrays;
};

/** All remaining positional arguments, each a shape. */
struct VarShapes {
  std::vector<Shape> list;
};

// --- From JavaScript ----------------------------------------------------------------------------------------------

/** The scalar as a 32-bit integer. @throws Failure for an array or any other number */
int int32_of(const Operand&, const char* name);
array array_from(Call&, size_t i, napi_value);
Operand operand_from(Call&, size_t i, napi_value);
std::vector<array> arrays_from(Call&, size_t i, napi_value);
std::vector<std::optional<array>> maybe_arrays_from(Call&, size_t i, napi_value);
int64_t integer_from(Call&, size_t i, napi_value);
int int_from(Call&, size_t i, napi_value);
double number_from(Call&, size_t i, napi_value);
bool bool_from(Call&, size_t i, napi_value);
std::string string_from(Call&, size_t i, napi_value);
Dtype dtype_from(Call&, size_t i, napi_value);
std::vector<int> ints_from(Call&, size_t i, napi_value);
std::vector<int64_t> longs_from(Call&, size_t i, napi_value);
Shape shape_from(Call&, size_t i, napi_value);
Stream stream_from(Call&, size_t i, napi_value);
mx::Device device_from(Call&, size_t i, napi_value);
VarArgs varargs_from(Call&, size_t i);
[[noreturn]] void missing(const Call&, size_t i);
[[noreturn]] void mistyped(const Call&, size_t i, const char* wanted, napi_value got);

/**
 * Checks a number for an integer dtype, as NumPy does; any number is a valid boolean. `whole` is the number in 64 bits,
 * exact if it was a bigint.
 * @throws Failure INVALID_ARGUMENT for a fraction, NaN, an infinity, or a number out of the dtype's range
 */
void check_integer(double number, int64_t whole, Dtype dtype);

/** The JavaScript name of a dtype. */
const char* dtype_name(Dtype);

/** `float32[2,3]`, for error messages. */
std::string describe(const array&);

template <typename T>
struct From;

template <typename T, T (*Convert)(Call&, size_t, napi_value)>
struct Required {
  static constexpr bool optional = false;
  static T get(Call& call, size_t i) {
    napi_value value = call.get(i);
    if (value == nullptr) missing(call, i);
    return Convert(call, i, value);
  }
};

template <>
struct From<array> : Required<array, array_from> {};
template <>
struct From<Operand> : Required<Operand, operand_from> {};
template <>
struct From<std::vector<array>> : Required<std::vector<array>, arrays_from> {};
template <>
struct From<std::vector<std::optional<array>>> : Required<std::vector<std::optional<array>>, maybe_arrays_from> {};
template <>
struct From<int> : Required<int, int_from> {};
template <>
struct From<int64_t> : Required<int64_t, integer_from> {};
template <>
struct From<double> : Required<double, number_from> {};
template <>
struct From<bool> : Required<bool, bool_from> {};
template <>
struct From<std::string> : Required<std::string, string_from> {};
template <>
struct From<Dtype> : Required<Dtype, dtype_from> {};
template <>
struct From<std::vector<int>> : Required<std::vector<int>, ints_from> {};
template <>
struct From<std::vector<int64_t>> : Required<std::vector<int64_t>, longs_from> {};
template <>
struct From<Shape> : Required<Shape, shape_from> {};
template <>
struct From<mx::Device> : Required<mx::Device, device_from> {};

template <typename T>
struct From<std::optional<T>> {
  static constexpr bool optional = true;
  static std::optional<T> get(Call& call, size_t i) {
    if (call.get(i) == nullptr) return std::nullopt;
    return From<T>::get(call, i);
  }
};

template <auto Value>
struct From<Default<Value>> {
  static constexpr bool optional = true;
  static Default<Value> get(Call& call, size_t i) {
    if (call.get(i) == nullptr) return {};
    return {From<decltype(Value)>::get(call, i)};
  }
};

template <>
struct From<Ints> {
  static constexpr bool optional = false;
  static Ints get(Call& call, size_t i);
};

template <>
struct From<Axes> {
  static constexpr bool optional = true;
  static Axes get(Call& call, size_t i) {
    napi_value value = call.get(i);
    if (value == nullptr) return {};
    return {ints_from(call, i, value)};
  }
};

template <>
struct From<Stream> {
  static constexpr bool optional = true;
  static Stream get(Call& call, size_t i) {
    if (call.options == nullptr) return {};
    napi_value value = call.get(i);
    return value == nullptr ? Stream{} : stream_from(call, i, value);
  }
};

template <>
struct From<VarArgs> {
  static constexpr bool optional = true;
  static VarArgs get(Call& call, size_t i) { return varargs_from(call, i); }
};

template <>
struct From<VarShapes> {
  static constexpr bool optional = true;
  static VarShapes get(Call& call, size_t i) {
    VarShapes shapes;
    for (size_t k = i; k < call.count; k++) shapes.list.push_back(shape_from(call, i, call.values[k]));
    return shapes;
  }
};

/** An unconverted value; nullptr if omitted. */
template <>
struct From<napi_value> {
  static constexpr bool optional = true;
  static napi_value get(Call& call, size_t i) { return call.get(i); }
};

/** The call itself, for ops that need the environment. Not an argument and without a name: always last. */
template <>
struct From<Call*> {
  static constexpr bool optional = true;
  static Call* get(Call& call, size_t) { return &call; }
};

// --- To JavaScript ------------------------------------------------------------------------------------------------

inline napi_value to_js(Call& call, array value) { return call.addon.wrap(std::move(value)); }
inline napi_value to_js(Call&, napi_value value) { return value; }
napi_value to_js(Call&, bool);
napi_value to_js(Call&, double);
napi_value to_js(Call&, const std::string&);
napi_value to_js(Call&, Dtype);
napi_value to_js(Call&, std::vector<array>);
napi_value to_js(Call&, const std::vector<int>&);
napi_value to_js(Call&, const Shape&);
napi_value to_js(Call&, const mx::Stream&);
inline napi_value to_js(Call& call, int value) { return to_js(call, static_cast<double>(value)); }
inline napi_value to_js(Call& call, size_t value) { return to_js(call, static_cast<double>(value)); }
inline napi_value to_js(Call& call, std::pair<array, array> both) {
  return to_js(call, std::vector<array>{std::move(both.first), std::move(both.second)});
}
inline napi_value to_js(Call& call, std::tuple<array, array> both) {
  return to_js(call, std::vector<array>{std::get<0>(both), std::get<1>(both)});
}

}  // namespace sotto
