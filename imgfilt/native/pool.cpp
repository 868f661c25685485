#include "pool.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
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

using Clock = std::chrono::steady_clock;

// To wake a worker takes the caller some 8 us, and the worker 50 until it begins; one that is awake begins in less than
// one. Nanoseconds of work that another thread pays for:
constexpr double kWorthWaking = 30e3, kWorthTelling = 4e3;
constexpr auto kLooking = std::chrono::microseconds(100);
constexpr auto kClose = std::chrono::microseconds(50);  // of the beginnings of calls that follow one another
constexpr int kSeries = 4;                              // such calls before it is taken that more will come
constexpr int kLooks = 32;                              // for each look at the clock
// Where other processes have the processors, a worker that shares one takes longer than the caller would alone: for so
// long little work is not shared, for longer each time that it comes out again soon.
constexpr Clock::duration kShortestRest = std::chrono::milliseconds(2), kLongestRest = std::chrono::milliseconds(128);
constexpr double kLittleWork = 1e6;  // nanoseconds

void relax() {
#if defined(__x86_64__) || defined(_M_X64)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

int processor() {
#if defined(__linux__)
    return sched_getcpu();
#else
    return -1;
#endif
}

// One call of parallel_for. Helpers hold it by shared_ptr, so that one which wakes late finds it finished
// rather than gone.
struct Job {
    const std::function<void(int)>* task = nullptr;
    int count = 0;
    int processor = -1;  // the caller's
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
            helpers = std::min(helpers, std::max(0, static_cast<int>(queue_.size()) - looking_.load()));
        }
        if (helpers == 1)
            wake_.notify_one();
        else if (helpers > 1)
            wake_.notify_all();
    }

    // Looks for a while whether something has come about: for less long than to sleep and be woken takes. Where there
    // is one processor, nothing comes about meanwhile.
    template <class Done>
    bool look(const Done& done) const {
        if (alone_) return done();
        const auto end = Clock::now() + kLooking;
        do {
            for (int i = 0; i < kLooks; ++i) {
                if (done()) return true;
                relax();
            }
        } while (Clock::now() < end);
        return false;
    }

    // That others had the processors.
    void disturbed() {
        const Clock::rep now = Clock::now().time_since_epoch().count(), last = rest_.load(std::memory_order_relaxed);
        const bool again = now - rested_.load(std::memory_order_relaxed) < 2 * last;
        const Clock::rep rest = again ? std::min(2 * last, kLongestRest.count()) : kShortestRest.count();
        rest_.store(rest, std::memory_order_relaxed);
        rested_.store(now + rest, std::memory_order_relaxed);
    }
    bool rests() const {
        const Clock::rep until = rested_.load(std::memory_order_relaxed);
        return until != 0 && Clock::now().time_since_epoch().count() < until;
    }

    // Workers that would begin at once; all, where so many calls follow one another that to wake them pays.
    int at_hand() {
        if (const int looking = looking_.load(std::memory_order_relaxed); looking > 0) return looking;
        const Clock::rep now = Clock::now().time_since_epoch().count();
        const Clock::rep passed = now - last_.exchange(now, std::memory_order_relaxed);
        if (Clock::duration(passed) > kClose) {
            series_.store(0, std::memory_order_relaxed);
            return 0;
        }
        return series_.fetch_add(1, std::memory_order_relaxed) < kSeries ? 0 : INT_MAX;
    }

  private:
    void loop() {
        std::unique_lock lock(mutex_);
        for (;;) {
            // Calls often follow one another, and to be woken takes longer than a small image.
            if (!rests()) {
                ++looking_;
                lock.unlock();
                look([this] { return queued_.load(std::memory_order_relaxed) != 0; });
                lock.lock();
                --looking_;
            }
            wake_.wait(lock, [this] { return !queue_.empty(); });
            const std::shared_ptr<Job> job = std::move(queue_.front());
            queue_.pop_front();
            queued_.store(static_cast<int>(queue_.size()), std::memory_order_relaxed);
            lock.unlock();
            job->work();
            if (const int here = processor(); here >= 0 && here == job->processor) disturbed();
            lock.lock();
        }
    }

    const bool alone_ = all_threads() == 1;
    std::mutex mutex_;
    std::atomic<int> queued_{0};                   // as the queue, for those that look without the mutex
    std::atomic<int> looking_{0};                  // workers that need not be woken; changed with the mutex held
    std::atomic<Clock::rep> last_{0};              // when work was last too little to wake a worker, and ...
    std::atomic<int> series_{0};                   // ... how often in close succession
    std::atomic<Clock::rep> rest_{0}, rested_{0};  // for how long, and until when, little work is not shared
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

int worthwhile(int threads, double nanoseconds) {
    if (threads <= 1 || nanoseconds < 2 * kWorthTelling) return 1;
    const auto share = [&](double each) { return static_cast<int>(std::min<double>(threads, 1 + nanoseconds / each)); };
    if (nanoseconds < kLittleWork && pool().rests()) return 1;
    const int woken = share(kWorthWaking);
    if (woken == threads) return threads;
    const int helpers = std::min(pool().at_hand(), threads - 1);
    return std::max(woken, std::min(share(kWorthTelling), 1 + helpers));
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
    job->processor = processor();
    const auto began = Clock::now();
    pool().help(job, helpers);
    job->work();
    const auto worked = Clock::now();
    // The others are at their last tasks: to look again is cheaper than to be woken.
    const bool all = pool().look([&] { return job->done.load(std::memory_order_acquire) == count; });
    std::unique_lock lock(job->mutex);
    job->finished.wait(lock, [&] { return job->done.load() == count; });
    if (!all && Clock::now() - worked > worked - began) pool().disturbed();
    if (job->error) std::rethrow_exception(job->error);
}

}  // namespace imgfilt
