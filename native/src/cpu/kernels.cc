#include "kernels.h"

#include <cstdlib>
#include <string_view>

#include "kernels_common.h"

namespace sotto::cpu {

namespace {

struct Named {
  const char* name;
  const Kernels* kernels;
};

Named pick() {
  const char* requested = std::getenv("SOTTO_CPU_ISA");
  const std::string_view limit = requested ? requested : "avx512";
  if (limit == "none") return {"none", &baseline::kTable};
#if defined(__x86_64__)
  if (limit == "avx512" && __builtin_cpu_supports("x86-64-v4")) return {"avx512", &avx512::kTable};
  if (limit != "baseline" && __builtin_cpu_supports("x86-64-v3")) return {"avx2", &avx2::kTable};
#endif
  return {"baseline", &baseline::kTable};
}

const Named& picked() {
  static const Named once = pick();
  return once;
}

}  // namespace

const Kernels& kernels() { return *picked().kernels; }

const char* kernels_name() { return picked().name; }

bool kernels_enabled() { return picked().name != std::string_view("none"); }

}  // namespace sotto::cpu
