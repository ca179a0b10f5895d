// An op and a call of it. call.h describes the table of ops.
#pragma once

#include "addon.h"
#include "failure.h"

namespace sotto {

/** One call in progress. */
struct Call {
  napi_env env;
  Addon& addon;
  const BoundOp& bound;
  size_t count;        // number of positional arguments
  napi_value* values;
  napi_value options = nullptr;

  /** The value of parameter `i`; nullptr if it is missing, undefined or null. */
  napi_value get(size_t i) const;
  const std::string& name(size_t i) const { return bound.params[i]; }
};

struct Op {
  const char* name;
  const char* params;
  napi_value (*run)(Call&);
  size_t required;    // leading mandatory parameters
  bool variadic;      // the last positional parameter takes all remaining arguments
  bool takes_stream;  // the function's last parameter is the keyword `stream`
};

}  // namespace sotto
