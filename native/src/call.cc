#include "call.h"

#include <new>
#include <sstream>
#include <stdexcept>

namespace sotto {

napi_value Call::get(size_t i) const {
  napi_value value = nullptr;
  if (i < count && i < bound.positional) {
    value = values[i];
  } else if (options != nullptr && i < bound.params.size()) {
    check(env, napi_get_named_property(env, options, bound.params[i].c_str(), &value));
  } else {
    return nullptr;
  }
  napi_valuetype type;
  check(env, napi_typeof(env, value, &type));
  return type == napi_undefined || type == napi_null ? nullptr : value;
}

namespace {

constexpr size_t kInline = 12;

/** Options are a plain object: no MxArray, array, typed array or buffer. */
bool is_options(Call& call, napi_value value) {
  napi_valuetype type;
  if (napi_typeof(call.env, value, &type) != napi_ok || type != napi_object) return false;
  if (call.addon.handle(value) != nullptr) return false;
  bool is = false;
  if (napi_is_array(call.env, value, &is) != napi_ok || is) return false;
  if (napi_is_typedarray(call.env, value, &is) != napi_ok || is) return false;
  if (napi_is_arraybuffer(call.env, value, &is) != napi_ok || is) return false;
  void* foreign = nullptr;
  return napi_unwrap(call.env, value, &foreign) != napi_ok;  // another addon's object
}

/** Rejects an unknown keyword with a list of the known ones. */
void check_keywords(Call& call) {
  napi_value keys = nullptr;
  check(call.env, napi_get_all_property_names(call.env, call.options, napi_key_own_only,
                                              static_cast<napi_key_filter>(napi_key_enumerable | napi_key_skip_symbols),
                                              napi_key_numbers_to_strings, &keys));
  uint32_t count = 0;
  check(call.env, napi_get_array_length(call.env, keys, &count));
  for (uint32_t i = 0; i < count; i++) {
    napi_value key = nullptr;
    char name[64];
    size_t length = 0;
    check(call.env, napi_get_element(call.env, keys, i, &key));
    check(call.env, napi_get_value_string_utf8(call.env, key, name, sizeof name, &length));
    size_t given = std::min(call.count, call.bound.positional);
    bool known = false;
    for (size_t p = 0; p < call.bound.params.size() && !known; p++) {
      if (call.bound.params[p] != std::string_view(name, length)) continue;
      if (p < given) throw wrong_type("'" + call.bound.params[p] + "' is given twice, by position and by name");
      known = true;
    }
    if (known) continue;
    std::string list;
    for (size_t p = call.bound.required; p < call.bound.params.size(); p++) list += (list.empty() ? "" : ", ") + call.bound.params[p];
    throw wrong_type("unknown option '" + std::string(name, length) + "'" + (list.empty() ? "" : " (known: " + list + ")"));
  }
}

/** The arrays among the arguments: ` (a float32[2,3], b float32[4,5])`. */
std::string operands(const Call& call) {
  std::string text;
  for (size_t i = 0; i < call.count; i++) {
    Handle* handle = call.addon.handle(call.values[i]);
    if (handle == nullptr || !handle->value) continue;
    const std::string name = i < call.bound.positional ? call.bound.params[i] + " " : "";
    text += (text.empty() ? " (" : ", ") + name + describe(*handle->value);
  }
  return text.empty() ? text : text + ")";
}

/** Removes the tag of MLX's `[matmul] Last dimension …`: the message already starts with the op's name. */
std::string without_tag(std::string text) {
  if (text.starts_with("[")) {
    size_t end = text.find("] ");
    if (end != std::string::npos && end < 40) text.erase(0, end + 2);
  }
  while (!text.empty() && (text.back() == '.' || text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

bool out_of_memory(std::string_view text) {
  return text.find("[malloc") != text.npos || text.find("metal::malloc") != text.npos ||
      text.find("Insufficient Memory") != text.npos;
}

void throw_js(const Call& call, const std::string& code, const std::string& what, bool type_error) {
  bool pending = false;
  napi_is_exception_pending(call.env, &pending);
  if (pending) return;
  std::string message = std::string(call.bound.op->name) + ": " + what + operands(call);
  if (type_error) {
    napi_throw_type_error(call.env, code.c_str(), message.c_str());
  } else {
    napi_throw_error(call.env, code.c_str(), message.c_str());
  }
}

}  // namespace

Failure as_failure(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Failure& failure) {
    return failure;
  } catch (const std::bad_alloc&) {
    return {"OUT_OF_MEMORY", "out of memory"};
  } catch (const std::logic_error& error) {  // invalid_argument, out_of_range, domain_error: errors of the caller
    return {"INVALID_ARGUMENT", without_tag(error.what())};
  } catch (const std::exception& error) {
    return {out_of_memory(error.what()) ? "OUT_OF_MEMORY" : "MLX_ERROR", without_tag(error.what())};
  } catch (...) {
    return {"MLX_ERROR", "an unknown exception"};
  }
}

napi_value dispatch_call(napi_env env, napi_callback_info info) {
  napi_value inline_values[kInline + 1];
  std::vector<napi_value> many;
  size_t count = kInline;
  napi_value self = nullptr;
  void* data = nullptr;
  // Slot 0 is reserved for `this`, which is the first argument of a method.
  if (napi_get_cb_info(env, info, &count, inline_values + 1, &self, &data) != napi_ok) return nullptr;
  auto& bound = *static_cast<BoundOp*>(data);
  napi_value* values = inline_values + 1;
  if (count > kInline) {
    many.resize(count + 1);
    if (napi_get_cb_info(env, info, &count, many.data() + 1, nullptr, nullptr) != napi_ok) return nullptr;
    values = many.data() + 1;
  }
  if (bound.method) {
    *--values = self;
    count++;
  }
  const Op& op = *bound.op;
  Call call{env, *bound.addon, bound, count, values};
  try {
    if (count > bound.required && bound.takes_options && is_options(call, values[count - 1])) {
      call.options = values[count - 1];
      call.count--;
      check_keywords(call);
    }
    if (call.count > bound.positional && !op.variadic) {
      size_t hidden = bound.method ? 1 : 0;
      throw wrong_type("takes at most " + std::to_string(bound.positional - hidden) + " positional argument" +
                       (bound.positional - hidden == 1 ? "" : "s") + ", got " + std::to_string(call.count - hidden));
    }
    return op.run(call);
  } catch (const JsPending&) {
  } catch (...) {
    Failure failure = as_failure(std::current_exception());
    throw_js(call, failure.code, failure.message, failure.type_error);
  }
  return nullptr;
}

napi_value make_namespace(Addon& addon, napi_value target, const char* name) {
  napi_value object = nullptr;
  check(addon.env, napi_create_object(addon.env, &object));
  check(addon.env, napi_set_named_property(addon.env, target, name, object));
  return object;
}

}  // namespace sotto
