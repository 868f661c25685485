#include "bank.hpp"

#include <algorithm>

#include "pool.hpp"

namespace imgfilt {

void share(int64_t count, int threads, const std::function<void(const std::function<int64_t()>& next)>& work) {
    std::atomic<int64_t> taken{0};
    const std::function<int64_t()> next = [&]() -> int64_t {
        const int64_t i = taken.fetch_add(1);
        return i < count ? i : -1;
    };
    const int hands = static_cast<int>(std::min<int64_t>(threads, count));
    parallel_for(hands, hands, [&](int) { work(next); });
}

}  // namespace imgfilt
