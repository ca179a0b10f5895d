#include "pool.h"

#include <atomic>
#include <mutex>
#include <thread>

namespace sotto::cpu {

#ifdef __APPLE__

// A Mac computes on its GPU and runs only the LSTM here, where spinning threads would cost more than they save.
int64_t threads() { return 1; }

void run_parts(int64_t parts, void (*body)(const void*, int64_t), const void* context) {
  for (int64_t part = 0; part < parts; ++part) body(context, part);
}

#else

namespace {

inline void cpu_relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/** About 50 µs: a pause takes some 40 cycles on current processors. */
constexpr int kSpinIterations = 4000;

class Pool {
 public:
  explicit Pool(int64_t count) {
    for (int64_t i = 1; i < count; ++i) std::thread([this] { run_worker(); }).detach();
  }

  void run(int64_t parts, void (*body)(const void*, int64_t), const void* context) {
    body_ = body;
    context_ = context;
    parts_ = parts;
    next_.store(0);
    accepting_.store(true);
    generation_.fetch_add(1);
    generation_.notify_all();  // free if no thread sleeps
    work();
    // All parts are taken. A thread with a part stays active until it is done; a late thread finds the loop closed.
    accepting_.store(false);
    for (int i = 0; active_.load() != 0; ++i) {
      if (i < kSpinIterations) cpu_relax();
      else std::this_thread::yield();
    }
  }

 private:
  void work() {
    for (int64_t part = next_.fetch_add(1); part < parts_; part = next_.fetch_add(1)) body_(context_, part);
  }

  [[noreturn]] void run_worker() {
    for (uint32_t seen = 0;;) {
      for (int i = 0; i < kSpinIterations && generation_.load(std::memory_order_relaxed) == seen; ++i) cpu_relax();
      generation_.wait(seen);
      seen = generation_.load();
      active_.fetch_add(1);
      if (accepting_.load()) work();
      active_.fetch_sub(1);
    }
  }

  void (*body_)(const void*, int64_t) = nullptr;
  const void* context_ = nullptr;
  int64_t parts_ = 0;
  // One cache line each, since different threads write them at different times.
  alignas(64) std::atomic<int64_t> next_{0};
  alignas(64) std::atomic<uint32_t> generation_{0};
  alignas(64) std::atomic<int> active_{0};
  alignas(64) std::atomic<bool> accepting_{false};
};

thread_local bool in_loop = false;

}  // namespace

int64_t threads() {
  static const int64_t count = std::clamp<int64_t>(std::thread::hardware_concurrency(), 1, 8);
  return count;
}

void run_parts(int64_t parts, void (*body)(const void*, int64_t), const void* context) {
  // Never destroyed: its threads may outlive all destructors at exit.
  static Pool& pool = *new Pool(threads());
  static std::mutex loop_mutex;
  // Loops of different MLX streams do not share the threads; the second one runs on its own thread.
  std::unique_lock<std::mutex> lock(loop_mutex, std::defer_lock);
  if (parts < 2 || threads() < 2 || in_loop || !lock.try_lock()) {
    for (int64_t part = 0; part < parts; ++part) body(context, part);
    return;
  }
  in_loop = true;
  pool.run(parts, body, context);
  in_loop = false;
}

#endif

}  // namespace sotto::cpu
