// How fast this processor multiplies and adds: what benchmarks hold the other kernels to.
#pragma once

#include "types.hpp"

namespace imgfilt {

struct ProbeKernels {
    int64_t products;  // multiply-adds of float32 in a turn
    // `turns` of independent multiply-adds in registers, from `seeds` (kProbeSeeds of them); returns what they sum to,
    // lest they be left out.
    float (*multiply_add)(const float* seeds, int64_t turns);
};

constexpr int kProbeSeeds = 16;

}  // namespace imgfilt
