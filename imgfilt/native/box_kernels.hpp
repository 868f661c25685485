// Means of the pixels under a rectangle: the loops over a stripe of rows, one table of them per instruction set.
#pragma once

#include "row_kernels.hpp"

namespace imgfilt {

// Some sums beyond the image's columns, in 16 bytes, and those that they are copies of, in others: byte i is the
// `order[i]`-th there, or 0. Offsets in bytes from the even plane.
constexpr int kBoxEnd = 16;
struct BoxEnd {
    int64_t to = 0, from = 0;
    uint8_t order[kBoxEnd] = {};
};

// The sums of the columns, over `height` rows each, are kept in two planes: of a row's even elements and of its odd
// ones, twice as wide as the image's. They have 0 for all elements before those of the first window.
struct BoxRows {
    const char* const* rows = nullptr;  // row y of the result is the mean of rows[y] .. rows[y + height - 1]
    int64_t count = 0;                  // of rows of the result
    bool anew = true;                   // whether nothing is summed yet; else rows[-1] leaves first
    int64_t n = 0;                      // elements of a row
    int height = 1, size = 1, origin = 0, channels = 1;
    const BoxEnd* ends = nullptr;  // made one after the other
    int64_t end_count = 0;
    char *even = nullptr, *odd = nullptr;  // element 0 and element 1 of the sums
    char* out = nullptr;
    int64_t out_row = 0;   // bytes from a row of the result to the next
    int64_t in_ahead = 0;  // bytes ahead of the row that enters to fetch, if any
    bool out_ahead = false;
    // Sums to pixels: (sum + add) * multiplier / 2^(16 + shift) of 16 bits, else sum * scale to the nearest.
    bool narrow = false;
    uint16_t add = 0, multiplier = 0;
    int shift = 0;
    double scale = 1.0;
    bool wide = false;  // sums beyond 24 bits
};

struct BoxKernels {
    // Null where there is none. Of bytes sums of columns have 16 bits, and 15 where the whole sum has more.
    void (*u8)(const BoxRows& rows) = nullptr;
    void (*u16)(const BoxRows& rows) = nullptr;
};

}  // namespace imgfilt
