// The threads of the CPU kernels. A loop's parts are handed out one at a time, so that a thread which the machine takes
// away for a while holds up no more than the part it has. Between loops the threads look out for the next one for some
// 50 µs (a decoder's loops follow each other sooner than a thread can be woken) and sleep after that.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace sotto::cpu {

/** How many threads a loop may use: the processors there are, eight at most. */
int64_t threads();

/** Calls body(context, part) for each part in [0, parts), on all threads. Alone, on the caller's, inside another loop. */
void run_parts(int64_t parts, void (*body)(const void* context, int64_t part), const void* context);

/** Calls body(part) for each part in [0, parts). */
template <class Body>
void parallel_parts(int64_t parts, const Body& body) {
  run_parts(parts, [](const void* context, int64_t part) { (*static_cast<const Body*>(context))(part); }, &body);
}

/** Calls body(begin, end) over parts of [0, n), each of at least `grain` items. */
template <class Body>
void parallel_for(int64_t n, int64_t grain, const Body& body) {
  const int64_t parts = std::clamp<int64_t>(n / std::max<int64_t>(grain, 1), 1, 4 * threads());
  parallel_parts(parts, [&](int64_t part) { body(n * part / parts, n * (part + 1) / parts); });
}

}  // namespace sotto::cpu
