// Non-blocking waits for queued work: threads sleep on MLX's events and wake the event loop.
#pragma once

#include <node_api.h>

#include <memory>
#include <vector>

#include "mlx/array.h"

namespace sotto {

namespace mx = mlx::core;

struct WaiterState;

/**
 * The waiting threads of one environment, one per awaited stream: work on one stream finishes in order, work on two
 * does not. Before the first wait there is no thread and nothing that keeps the process alive; between waits the
 * threads sleep.
 *
 * The threads never touch JavaScript's arrays. Each waits on a placeholder array that shares only the event.
 */
class Waiter {
 public:
  explicit Waiter(napi_env env);
  /** Promises are not settled afterwards. */
  ~Waiter();
  Waiter(const Waiter&) = delete;

  /**
   * A promise that resolves once all arrays can be read and rejects with MLX's error if the computation failed; nullptr
   * if they can be read now. The arrays must be queued; they may be disposed while the promise is pending.
   */
  napi_value wait_for(const std::vector<mx::array>& arrays);

 private:
  napi_env env_;
  std::shared_ptr<WaiterState> state_;
};

}  // namespace sotto
