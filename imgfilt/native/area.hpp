// Filters of a whole image that are no chain of convolutions: median, bilateral, Canny, summed-area table.
//
// Images may have any strides; `in` and `out` never overlap. Work is done in horizontal stripes on at most
// `threads` threads, and the result does not depend on how many. Every function throws std::invalid_argument
// for what it does not support.
#pragma once

#include "types.hpp"

namespace imgfilt {

// Median of a size x size square, each channel alone. size odd, 1 .. 4095; u8, u16, i16, f32, f64. NaNs count as
// larger than everything, and -0 as smaller than 0. 3, 5 and 7: sorting networks. Larger 8-bit windows up to 255:
// binary search over values with box sums. The rest: a sliding set of ranks (B. Weiss, "Fast median and
// bilateral filtering", 2006, has the ordinal transform; T. Huang, 1979, the sliding window).
void median(const View& in, const View& out, int size, Border border, double cval, int threads);

// C. Tomasi and R. Manduchi's bilateral filter (1998) over a disc of radius max(1, diameter / 2), as
// cv2.bilateralFilter: colours differ by the sum of |differences| over all channels. u8, u16, i16, f32, f64;
// computed in f32 (f64: in f64). Sigmas positive, in pixels and in units of the image's values. What a NaN or
// infinity within the disc gives is not specified.
void bilateral(const View& in, const View& out, int diameter, double sigma_color, double sigma_space, Border border,
               double cval, int threads);

// J. Canny's edges (1986): 3x3 Sobel, |gx| + |gy|, thinning in four directions, hysteresis over 8 neighbours.
// One channel of u8, u16, i16, f32 or f64; `out` is u8, 0 or 255. u8 equals cv2.Canny(in, low, high) bit for bit
// with Border::replicate. Borders are those of the Sobel filter; beyond the image the gradient is 0.
void canny(const View& in, const View& out, double low, double high, Border border, double cval, int threads);

// Summed-area table (F. Crow, 1984): out[y, x, c] = the sum of in[:y, :x, c]; `out` is one larger in height and
// width. u8, u16, i16 to i32, i64 or f64; f32 and f64 to f64. The caller chooses a type that holds the sums.
void integral(const View& in, const View& out, int threads);

}  // namespace imgfilt
