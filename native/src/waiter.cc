#include "waiter.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "failure.h"

namespace sotto {

namespace {

/**
 * How long a closing environment waits for threads inside MLX. CPU streams are already synchronized (module.cc); a GPU
 * that hangs must not block the process.
 */
constexpr std::chrono::seconds kShutdownTimeout{1};

/** Shares only the event of an array; its own state belongs to the waiting thread. */
mx::array event_placeholder(const mx::array& of) {
  mx::array array(mx::Shape{}, mx::bool_, nullptr, {});
  array.attach_event(of.event());
  array.set_status(mx::array::Status::evaluated);
  return array;
}

struct Wait {
  std::vector<mx::array> arrays;
  napi_deferred deferred = nullptr;
  std::exception_ptr error;
};

}  // namespace

/** Shared with the threads, which may briefly outlive the environment. */
struct WaiterState : std::enable_shared_from_this<WaiterState> {
  struct StreamWorker {
    std::deque<std::unique_ptr<Wait>> queue;
    std::condition_variable has_work;
    std::thread thread;
  };

  std::mutex mutex;
  std::condition_variable thread_exited;       // notified when a thread exits
  std::map<int, StreamWorker> workers;          // by stream index
  size_t threads = 0;
  size_t pending = 0;                 // used by the JavaScript thread only
  bool closed = false;
  napi_threadsafe_function wake = nullptr;

  void work(StreamWorker& worker) {
    std::unique_lock lock(mutex);
    for (;;) {
      worker.has_work.wait(lock, [&] { return closed || !worker.queue.empty(); });
      if (closed) break;
      std::unique_ptr<Wait> wait = std::move(worker.queue.front());
      worker.queue.pop_front();
      lock.unlock();
      try {
        for (auto& array : wait->arrays) array.wait();
      } catch (...) {
        wait->error = std::current_exception();
      }
      lock.lock();
      if (closed) break;
      if (napi_call_threadsafe_function(wake, wait.get(), napi_tsfn_nonblocking) == napi_ok) (void)wait.release();
    }
    threads--;
    thread_exited.notify_all();
  }
};

namespace {

/** Runs on the JavaScript thread after a wait. */
void settle(napi_env env, napi_value, void* context, void* data) {
  std::unique_ptr<Wait> wait(static_cast<Wait*>(data));
  auto& state = *static_cast<WaiterState*>(context);
  if (env == nullptr) return;  // the environment is closing, and promises have no receiver
  if (--state.pending == 0) napi_unref_threadsafe_function(env, state.wake);
  napi_value value = nullptr;
  if (wait->error) {
    Failure failure = as_failure(wait->error);
    failure.message.insert(0, "ready: ");
    napi_value texts[2];
    napi_create_string_utf8(env, failure.code.data(), failure.code.size(), &texts[0]);
    napi_create_string_utf8(env, failure.message.data(), failure.message.size(), &texts[1]);
    napi_create_error(env, texts[0], texts[1], &value);
    napi_reject_deferred(env, wait->deferred, value);
  } else {
    napi_get_undefined(env, &value);
    napi_resolve_deferred(env, wait->deferred, value);
  }
}

}  // namespace

Waiter::Waiter(napi_env env) : env_(env), state_(std::make_shared<WaiterState>()) {
  napi_value name = nullptr;
  check(env, napi_create_string_utf8(env, "sotto-mlx waiter", NAPI_AUTO_LENGTH, &name));
  // The callback uses the state until Node finalizes the threadsafe function.
  auto* kept = new std::shared_ptr<WaiterState>(state_);
  napi_status status = napi_create_threadsafe_function(
      env, nullptr, nullptr, name, 0, 1, kept,
      [](napi_env, void* data, void*) { delete static_cast<std::shared_ptr<WaiterState>*>(data); }, state_.get(), settle,
      &state_->wake);
  if (status != napi_ok) {
    delete kept;
    check(env, status);
  }
  check(env, napi_unref_threadsafe_function(env, state_->wake));
}

Waiter::~Waiter() {
  std::unique_lock lock(state_->mutex);
  state_->closed = true;
  for (auto& [_, worker] : state_->workers) worker.has_work.notify_all();
  bool all_exited = state_->thread_exited.wait_for(lock, kShutdownTimeout, [&] { return state_->threads == 0; });
  lock.unlock();
  for (auto& [_, worker] : state_->workers) {
    if (all_exited) worker.thread.join();
    else worker.thread.detach();
  }
}

napi_value Waiter::wait_for(const std::vector<mx::array>& arrays) {
  auto wait = std::make_unique<Wait>();
  int stream = 0;
  for (auto& array : arrays) {
    if (array.status() == mx::array::Status::unscheduled) throw wrong_value("the array is not queued");
    if (array.is_available()) continue;
    if (wait->arrays.empty()) stream = array.event().stream().index;
    wait->arrays.push_back(event_placeholder(array));
  }
  if (wait->arrays.empty()) return nullptr;
  auto& state = *state_;
  std::lock_guard lock(state.mutex);
  auto& worker = state.workers[stream];
  if (!worker.thread.joinable()) {
    worker.thread = std::thread([kept = state_, &worker] { kept->work(worker); });
    state.threads++;
  }
  napi_value promise = nullptr;
  check(env_, napi_create_promise(env_, &wait->deferred, &promise));
  if (state.pending++ == 0) check(env_, napi_ref_threadsafe_function(env_, state.wake));
  worker.queue.push_back(std::move(wait));
  worker.has_work.notify_one();
  return promise;
}

}  // namespace sotto
