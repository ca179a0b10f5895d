// What an op is and what a call of it carries. How a table of ops is written stands in call.h.
#pragma once

#include "addon.h"
#include "failure.h"

namespace sotto {

/** One call in progress. */
struct Call {
  napi_env env;
  Addon& addon;
  const BoundOp& bound;
  size_t count;        // positional arguments given
  napi_value* values;  // them
  napi_value options = nullptr;

  /** The value given for parameter `i`, or nullptr when it is missing, undefined or null. */
  napi_value get(size_t i) const;
  const std::string& name(size_t i) const { return bound.params[i]; }
};

struct Op {
  const char* name;
  const char* params;
  napi_value (*run)(Call&);
  size_t required;    // leading parameters that can't be left out
  bool variadic;      // the last positional parameter takes all the rest
  bool takes_stream;  // the function's last parameter is the keyword `stream`
};

}  // namespace sotto
