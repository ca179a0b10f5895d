// Waiting for queued work without holding up JavaScript: threads that sleep on MLX's events and wake the event loop.
#pragma once

#include <node_api.h>

#include <memory>
#include <vector>

#include "mlx/array.h"

namespace sotto {

namespace mx = mlx::core;

struct WaiterState;

/**
 * The waiters of one environment: a thread for each stream that was ever waited for, since what one stream computes
 * is done in order and what two streams compute is not. No thread, and nothing that keeps the process alive, before
 * the first wait; between waits the threads sleep.
 *
 * The threads never touch an array of JavaScript's: each waits on a stand-in that shares nothing but the event.
 */
class Waiter {
 public:
  explicit Waiter(napi_env env);
  /** No promise is settled from here on. */
  ~Waiter();
  Waiter(const Waiter&) = delete;

  /**
   * A promise that is resolved once all arrays can be read, and rejected with MLX's error if the computation failed;
   * nullptr if they can be read now. The arrays have been queued; they may be disposed while the promise is pending.
   */
  napi_value wait_for(const std::vector<mx::array>& arrays);

 private:
  napi_env env_;
  std::shared_ptr<WaiterState> state_;
};

}  // namespace sotto
