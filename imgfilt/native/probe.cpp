#include "probe.hpp"

#include <vector>

#include "dispatch.hpp"
#include "pool.hpp"

namespace imgfilt {

int64_t multiply_adds(int64_t turns, int threads) {
    const ProbeKernels& probe = *kernels().probe;
    float seeds[kProbeSeeds];
    for (int i = 0; i < kProbeSeeds; ++i) seeds[i] = 1.0f / static_cast<float>(i + 1);
    std::vector<float> sums(static_cast<size_t>(threads));
    parallel_for(threads, threads, [&](int i) { sums[static_cast<size_t>(i)] = probe.multiply_add(seeds, turns); });
    return sums[0] > 0 ? probe.products * turns * threads : 0;
}

}  // namespace imgfilt
