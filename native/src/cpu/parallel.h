// Splits a loop over the processors. Threads are started for each loop: at some 20 µs apiece that is noise
// beside the loops it is used for (over 100 µs), and nothing has to be shut down at exit.
#pragma once

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

namespace sotto::cpu {

/** How many threads a loop may use: the processors there are, eight at most. */
inline int64_t threads() {
  static const int64_t count = std::clamp<int64_t>(std::thread::hardware_concurrency(), 1, 8);
  return count;
}

/** Calls body(begin, end) over parts of [0, n), each of at least `grain` items. */
template <class Body>
void parallel_for(int64_t n, int64_t grain, const Body& body) {
  const int64_t parts = std::clamp<int64_t>(n / std::max<int64_t>(grain, 1), 1, threads());
  std::vector<std::thread> others;
  others.reserve(parts - 1);
  for (int64_t i = 1; i < parts; ++i) {
    others.emplace_back([&body, begin = n * i / parts, end = n * (i + 1) / parts] { body(begin, end); });
  }
  body(0, n / parts);
  for (auto& thread : others) thread.join();
}

}  // namespace sotto::cpu
