#include "pool.h"

#include <atomic>
#include <mutex>
#include <thread>

namespace sotto::cpu {

#ifdef __APPLE__

// A Mac computes on its GPU, and only the recurrence here: threads that look out for work would cost more than they give.
int64_t threads() { return 1; }

void run_parts(int64_t parts, void (*body)(const void*, int64_t), const void* context) {
  for (int64_t part = 0; part < parts; ++part) body(context, part);
}

#else

namespace {

inline void breathe() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/** About 50 µs: a pause takes some 40 cycles on what is built today. */
constexpr int kLookouts = 4000;

class Pool {
 public:
  explicit Pool(int64_t count) {
    for (int64_t i = 1; i < count; ++i) std::thread([this] { serve(); }).detach();
  }

  void run(int64_t parts, void (*body)(const void*, int64_t), const void* context) {
    body_ = body;
    context_ = context;
    parts_ = parts;
    next_.store(0);
    open_.store(true);
    round_.fetch_add(1);
    round_.notify_all();  // costs nothing while nobody sleeps
    work();
    // The parts are all handed out. Who took one is inside until it is done; who comes later finds the door shut.
    open_.store(false);
    for (int i = 0; inside_.load() != 0; ++i) {
      if (i < kLookouts) breathe();
      else std::this_thread::yield();
    }
  }

 private:
  void work() {
    for (int64_t part = next_.fetch_add(1); part < parts_; part = next_.fetch_add(1)) body_(context_, part);
  }

  [[noreturn]] void serve() {
    for (uint32_t seen = 0;;) {
      for (int i = 0; i < kLookouts && round_.load(std::memory_order_relaxed) == seen; ++i) breathe();
      round_.wait(seen);
      seen = round_.load();
      inside_.fetch_add(1);
      if (open_.load()) work();
      inside_.fetch_sub(1);
    }
  }

  void (*body_)(const void*, int64_t) = nullptr;
  const void* context_ = nullptr;
  int64_t parts_ = 0;
  // Each on a cache line of its own: they are written by different threads at different times.
  alignas(64) std::atomic<int64_t> next_{0};
  alignas(64) std::atomic<uint32_t> round_{0};
  alignas(64) std::atomic<int> inside_{0};
  alignas(64) std::atomic<bool> open_{false};
};

thread_local bool in_loop = false;

}  // namespace

int64_t threads() {
  static const int64_t count = std::clamp<int64_t>(std::thread::hardware_concurrency(), 1, 8);
  return count;
}

void run_parts(int64_t parts, void (*body)(const void*, int64_t), const void* context) {
  // Never destroyed: its threads may outlive every destructor at exit.
  static Pool& pool = *new Pool(threads());
  static std::mutex one_loop;
  // Loops of different MLX streams do not share the threads; the second runs on its own.
  std::unique_lock<std::mutex> turn(one_loop, std::defer_lock);
  if (parts < 2 || threads() < 2 || in_loop || !turn.try_lock()) {
    for (int64_t part = 0; part < parts; ++part) body(context, part);
    return;
  }
  in_loop = true;
  pool.run(parts, body, context);
  in_loop = false;
}

#endif

}  // namespace sotto::cpu
