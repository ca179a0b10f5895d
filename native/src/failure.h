// Errors of the binding: C++ exceptions inside, one JavaScript error with a code outside (call.cc).
#pragma once

#include <node_api.h>

#include <exception>
#include <string>

namespace sotto {

/** A JavaScript exception is already pending in the environment, so just return. */
struct JsPending {};

/** An error of the caller or inside; becomes an Error (or TypeError) with a `code`. */
struct Failure : std::exception {
  Failure(std::string code, std::string message, bool type_error = false)
      : code(std::move(code)), message(std::move(message)), type_error(type_error) {}
  const char* what() const noexcept override { return message.c_str(); }
  std::string code;
  std::string message;
  bool type_error;
};

inline Failure wrong_type(std::string message) { return {"INVALID_ARGUMENT", std::move(message), true}; }
inline Failure wrong_value(std::string message) { return {"INVALID_ARGUMENT", std::move(message)}; }

/** Converts any exception except JsPending. */
Failure as_failure(std::exception_ptr thrown);

/** Converts a failed Node-API status to an exception. */
inline void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  if (status == napi_pending_exception) throw JsPending{};
  bool pending = false;
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  std::string message = info && info->error_message ? info->error_message : "unknown Node-API error";
  napi_is_exception_pending(env, &pending);
  if (pending) throw JsPending{};
  throw Failure("INTERNAL", "Node-API: " + message);
}

}  // namespace sotto
