// How fast this processor multiplies and adds.
#pragma once

#include <cstdint>

namespace imgfilt {

// `turns` rounds of independent multiply-adds of float32 in registers on each of `threads` threads: how many they were.
int64_t multiply_adds(int64_t turns, int threads);

}  // namespace imgfilt
