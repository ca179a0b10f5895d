// Calls from JavaScript to C++. A binding is a table of ops. Each op is a name, its parameters (in Python's notation:
// those after `*` are keywords) and a C++ function, whose signature determines how each argument is converted
// (convert.h):
//
//   op<reduce<mx::sum>>("sum", "a, axis, keepdims"),
//   op("conv1d", "input, weight, stride, padding, dilation, groups",
//      [](array x, array w, Default<1> stride, Default<0> padding, Default<1> dilation, Default<1> groups, Stream s) {
//        return mx::conv1d(x, w, stride, padding, dilation, groups, s);
//      }),
//
// A trailing plain object holds the keywords; it may also name omitted positional parameters.
#pragma once

#include <string_view>
#include <tuple>
#include <type_traits>

#include "convert.h"
#include "op.h"

namespace sotto {

namespace detail {

template <typename F>
struct Signature : Signature<decltype(&F::operator())> {};
template <typename R, typename... P>
struct Signature<R (*)(P...)> {
  using Result = R;
  using Params = std::tuple<std::decay_t<P>...>;
};
template <typename F, typename R, typename... P>
struct Signature<R (F::*)(P...) const> : Signature<R (*)(P...)> {};

template <typename Params, size_t... I>
constexpr size_t required(std::index_sequence<I...>) {
  size_t count = 0;
  bool open = true;
  ((open = open && !From<std::tuple_element_t<I, Params>>::optional, count += open), ...);
  return count;
}

template <typename Params, typename T, size_t... I>
constexpr bool has(std::index_sequence<I...>) {
  return (std::is_same_v<std::tuple_element_t<I, Params>, T> || ...);
}

template <typename F, typename Params, size_t... I>
napi_value run(const F& function, Call& call, std::index_sequence<I...>) {
  // Braces convert the arguments in order.
  std::tuple<std::tuple_element_t<I, Params>...> values{From<std::tuple_element_t<I, Params>>::get(call, I)...};
  if constexpr (std::is_void_v<typename Signature<F>::Result>) {
    std::apply(function, std::move(values));
    return nullptr;
  } else {
    return to_js(call, std::apply(function, std::move(values)));
  }
}

template <typename F, auto Run>
constexpr Op make(const char* name, const char* params) {
  using Params = typename Signature<F>::Params;
  constexpr size_t n = std::tuple_size_v<Params>;
  Op made{name, params, Run, required<Params>(std::make_index_sequence<n>()), false, false};
  if constexpr (n > 0) {
    made.takes_stream = has<Params, Stream>(std::make_index_sequence<n>());
    made.variadic = has<Params, VarArgs>(std::make_index_sequence<n>()) || has<Params, VarShapes>(std::make_index_sequence<n>());
  }
  return made;
}

template <typename F>
napi_value run_lambda(Call& call) {
  using Params = typename Signature<F>::Params;
  return run<F, Params>(F{}, call, std::make_index_sequence<std::tuple_size_v<Params>>());
}

template <auto F>
napi_value run_function(Call& call) {
  using Type = decltype(F);
  using Params = typename Signature<Type>::Params;
  return run<Type, Params>(F, call, std::make_index_sequence<std::tuple_size_v<Params>>());
}

}  // namespace detail

/** An op from a C++ function. */
template <auto F>
constexpr Op op(const char* name, const char* params) {
  return detail::make<decltype(F), &detail::run_function<F>>(name, params);
}

/** An op from a lambda without captures. */
template <typename F>
constexpr Op op(const char* name, const char* params, F) {
  return detail::make<F, &detail::run_lambda<F>>(name, params);
}

/** The callback of every op. Its data is a BoundOp. */
napi_value dispatch_call(napi_env env, napi_callback_info info);

/** Adds the ops of an area to `target` as functions. */
template <size_t N>
void bind(Addon& addon, napi_value target, const Op (&table)[N]) {
  for (const Op& op : table) {
    napi_value function = nullptr;
    check(addon.env, napi_create_function(addon.env, op.name, NAPI_AUTO_LENGTH, dispatch_call, &addon.bind(op, false), &function));
    // The parameters as text, for interactive use and for the test of the contract.
    napi_value params = nullptr;
    check(addon.env, napi_create_string_utf8(addon.env, op.params, NAPI_AUTO_LENGTH, &params));
    check(addon.env, napi_set_named_property(addon.env, function, "parameters", params));
    check(addon.env, napi_set_named_property(addon.env, target, op.name, function));
  }
}

/** Creates an object on `target` for the ops of a namespace, such as `mx.fft`. */
napi_value make_namespace(Addon& addon, napi_value target, const char* name);

}  // namespace sotto
