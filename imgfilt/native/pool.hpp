// A thread pool for stripes of an image. One per process, started on first use, safe across fork.
#pragma once

#include <functional>

namespace imgfilt {

// Calls task(0) .. task(count - 1), each once, on at most `threads` threads, the caller being one of them.
// Returns when all are done; the first exception of a task is rethrown here. Calls from several threads at
// once are served one after another by the pool's workers, each caller always making progress on its own.
void parallel_for(int count, int threads, const std::function<void(int)>& task);

// As many of `threads` as pay for work that takes one of them so many nanoseconds: fewer where workers sleep.
int worthwhile(int threads, double nanoseconds);

// The threads that `threads <= 0` ("all") stands for: the processors this process may run on.
int all_threads();

}  // namespace imgfilt
