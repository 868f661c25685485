#include "pool.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif
#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace imgfilt {
namespace {

constexpr int kLooks = 4000;

void relax() {
#if defined(__x86_64__) || defined(_M_X64)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// One call of parallel_for. Helpers hold it by shared_ptr, so that one which wakes late finds it finished
// rather than gone.
struct Job {
    const std::function<void(int)>* task = nullptr;
    int count = 0;
    std::atomic<int> next{0};
    std::atomic<int> done{0};
    std::mutex mutex;
    std::condition_variable finished;
    std::exception_ptr error;

    void work() {
        for (int i; (i = next.fetch_add(1)) < count;) {
            try {
                (*task)(i);
            } catch (...) {
                std::lock_guard lock(mutex);
                if (!error) error = std::current_exception();
            }
            if (done.fetch_add(1) + 1 == count) {
                std::lock_guard lock(mutex);
                finished.notify_all();
            }
        }
    }
};

class Pool {
  public:
    void help(const std::shared_ptr<Job>& job, int helpers) {
        {
            std::lock_guard lock(mutex_);
            while (static_cast<int>(workers_) < helpers) {
                std::thread([this] { loop(); }).detach();
                ++workers_;
            }
            for (int i = 0; i < helpers; ++i) queue_.push_back(job);
            queued_.store(static_cast<int>(queue_.size()), std::memory_order_relaxed);
            helpers = std::min(helpers, std::max(0, static_cast<int>(queue_.size()) - looking_));
        }
        if (helpers == 1)
            wake_.notify_one();
        else if (helpers > 1)
            wake_.notify_all();
    }

  private:
    void loop() {
        std::unique_lock lock(mutex_);
        for (;;) {
            // Calls often follow one another, and to be woken takes longer than a small image.
            ++looking_;
            lock.unlock();
            for (int i = 0; i < kLooks && queued_.load(std::memory_order_relaxed) == 0; ++i) relax();
            lock.lock();
            --looking_;
            wake_.wait(lock, [this] { return !queue_.empty(); });
            const std::shared_ptr<Job> job = std::move(queue_.front());
            queue_.pop_front();
            queued_.store(static_cast<int>(queue_.size()), std::memory_order_relaxed);
            lock.unlock();
            job->work();
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::atomic<int> queued_{0};  // as the queue, for those that look without the mutex
    int looking_ = 0;             // workers that need not be woken
    std::condition_variable wake_;
    std::deque<std::shared_ptr<Job>> queue_;
    int workers_ = 0;
};

// Never destroyed: its detached workers may outlive static destruction. A forked child has none of the
// parent's threads, so it starts over with a new pool and leaves the old one behind.
Pool* g_pool = nullptr;
std::once_flag g_once;

Pool& pool() {
    std::call_once(g_once, [] {
        g_pool = new Pool;
#if !defined(_WIN32)
        pthread_atfork(nullptr, nullptr, [] { g_pool = new Pool; });
#endif
    });
    return *g_pool;
}

}  // namespace

int all_threads() {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
    return std::max(1u, std::thread::hardware_concurrency());
}

void parallel_for(int count, int threads, const std::function<void(int)>& task) {
    const int helpers = std::min(threads, count) - 1;
    if (helpers <= 0) {
        for (int i = 0; i < count; ++i) task(i);
        return;
    }
    auto job = std::make_shared<Job>();
    job->task = &task;
    job->count = count;
    pool().help(job, helpers);
    job->work();
    // The others are at their last tasks: to look again is cheaper than to be woken.
    for (int i = 0; i < kLooks && job->done.load(std::memory_order_acquire) != count; ++i) relax();
    std::unique_lock lock(job->mutex);
    job->finished.wait(lock, [&] { return job->done.load() == count; });
    if (job->error) std::rethrow_exception(job->error);
}

}  // namespace imgfilt
