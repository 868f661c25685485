// Rows of an image at another spacing: weighted sums of every step-th row, and of the few rows around each.
//
// Rows must be packed (elements side by side); images never overlap. Work is done in stripes of output rows on at most
// `threads` threads, and the result does not depend on how many. Throws std::invalid_argument for what does not fit.
#pragma once

#include <vector>

#include "types.hpp"

namespace imgfilt {

// out[j] = sum over t of taps[t] * in[first + j * step + t], rows outside the image as the border says.
// u8, u16, i16 and f32 to f32; f64 to f64.
void reduce_rows(const View& in, const View& out, const std::vector<double>& taps, int64_t step, int64_t first,
                 Border border, double cval, int threads);

// out[y] = sum over i of taps[first + y - i * step] * in[i], over the taps and rows that there are: f32 or f64.
void expand_rows(const View& in, const View& out, const std::vector<double>& taps, int64_t step, int64_t first,
                 int threads);

}  // namespace imgfilt
