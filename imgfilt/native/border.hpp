// Which element stands for one that lies outside: OpenCV's borderInterpolate, for any distance.
#pragma once

#include "types.hpp"

namespace imgfilt {

// The index in [0, n) that `i` stands for, or -1 where the border is constant and `i` is outside. n >= 1.
inline int64_t border_index(int64_t i, int64_t n, Border border) {
    if (i >= 0 && i < n) return i;
    switch (border) {
        case Border::constant: return -1;
        case Border::replicate: return i < 0 ? 0 : n - 1;
        case Border::wrap: return (i % n + n) % n;
        case Border::reflect: {
            const int64_t period = 2 * n;
            const int64_t j = (i % period + period) % period;
            return j < n ? j : period - 1 - j;
        }
        case Border::reflect101: {
            if (n == 1) return 0;
            const int64_t period = 2 * n - 2;
            const int64_t j = (i % period + period) % period;
            return j < n ? j : period - j;
        }
        case Border::doubled: {
            const int64_t period = 2 * n - 1;
            const int64_t j = (i % period + period) % period;
            return j < n ? j : period - j;
        }
    }
    return -1;
}

}  // namespace imgfilt
