// The thread pool of the CPU kernels. Threads take a loop's parts one at a time, so that a preempted thread delays only
// its own part. Between loops they spin for some 50 µs (a decoder starts the next loop sooner than a thread can be
// woken) and then sleep.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace sotto::cpu {

/** Maximum threads of a loop: the number of processors, at most eight. */
int64_t threads();

/** Calls body(context, part) for each part in [0, parts) on all threads. Nested loops run on the calling thread. */
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
