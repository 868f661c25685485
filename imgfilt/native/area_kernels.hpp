// The hot loops of median, bilateral, Canny and the summed-area table, one table of them per instruction set.
//
// "Keys" are integers that sort as the elements do: u8 -> u8, u16 and i16 -> u16, f32 -> i32, f64 -> i64. A NaN
// of either sign is the largest key, and comes back as a quiet NaN. i32 and i64 images have no keys (null).
#pragma once

#include "types.hpp"

namespace imgfilt {

// Vector loops may read and write up to this many bytes past the end of a scratch row.
constexpr int64_t kSlack = 64;

constexpr int kByteCounts = 21;  // the largest window whose half a byte counts
constexpr int kMedianRows = 8;   // more share sorting, fewer keep to the nearest cache

// Shape of a piece of an image that tile_median_u8 does at once. `region` has (rows + size - 1) rows of `pitch`
// elements; pitch is a multiple of 64, at least cols + size - 1.
struct Tile {
    int rows = 0, cols = 0, size = 0, pitch = 0;
};

// A disc of taps without its centre. Values are planar: one row per channel.
struct BilateralRow {
    const void* const* taps;    // taps * channels rows, each already shifted by the tap's x offset
    const void* space;          // log2 of each tap's weight in space, of the rows' type
    const void* const* centre;  // channels rows
    void* const* out;           // channels rows
    int count, channels;
    double colour;  // log2(weight) = space + colour * distance^2; negative
    bool coarse;    // a relative error of 1e-4 in a weight will do
};

constexpr int kCannyRows = 8;            // are thinned together
constexpr int64_t kCannyColumns = 1280;  // at most

// `count` rows to thin, with one around them: magnitudes from the first pixel on, pixels from one before it.
struct CannyRows {
    const void* const* pixels;      // count + 2
    const void* const* magnitudes;  // count + 2
    uint64_t* const* candidates;
    uint64_t* const* strong;
    int count;
    double low, high;
};

struct AreaKernels {
    // n elements, `stride` bytes apart, to and from contiguous keys.
    void (*load_key[kDTypes])(const char* in, int64_t stride, void* keys, int64_t n);
    void (*store_key[kDTypes])(const void* keys, char* out, int64_t stride, int64_t n);
    // The same to f32 and f64. Storing rounds half to even and saturates; null for i32 and i64.
    void (*load_f32[kDTypes])(const char* in, int64_t stride, void* out, int64_t n);
    void (*load_f64[kDTypes])(const char* in, int64_t stride, void* out, int64_t n);
    void (*store_f32[kDTypes])(const void* in, char* out, int64_t stride, int64_t n);
    void (*store_f64[kDTypes])(const void* in, char* out, int64_t stride, int64_t n);

    // Small medians, size = 3 + 2 * second index, of whole elements: `count` output rows (even, at most kMedianRows)
    // of n elements from count + size - 1 rows that begin size / 2 pixels further left; `step` elements a pixel.
    // Fewer than 64 bytes are written only so far, but read as if there were 64.
    void (*median_rows[kDTypes][3])(const void* const* rows, void* const* out, int count, int64_t step, int64_t n);

    // Medians of a tile of 8-bit elements to out[y * pitch + x]; size odd, <= 255. `scratch` holds
    // 3 * (rows * pitch + 320) and (rows + size) * (pitch + 128) bytes, whichever is more.
    void (*tile_median_u8)(const uint8_t* region, const Tile& tile, uint8_t* out, uint8_t* scratch);
    // Medians of a region of distinct ranks 0 .. rows * cols - 1 (of the whole region), pitch = cols + size - 1.
    // `bits` holds (ranks / 64 + 1) words.
    void (*tile_median_rank)(const uint32_t* region, const Tile& tile, uint32_t* out, uint64_t* bits);

    void (*bilateral_f32)(const BilateralRow& row, int64_t n);
    void (*bilateral_f64)(const BilateralRow& row, int64_t n);

    // |gx| + |gy| of Sobel's 3x3 responses of `count` rows from count + 2, each with one element before the first
    // pixel.
    void (*gradient_u8)(const uint8_t* const* rows, int16_t* const* magnitudes, int count, int64_t n);
    void (*gradient_f32)(const float* const* rows, float* const* magnitudes, int count, int64_t n);
    void (*gradient_f64)(const double* const* rows, double* const* magnitudes, int count, int64_t n);
    // One bit per pixel: local maxima above `low`, and those of them above `high`; added to zeros.
    void (*thin_u8)(const CannyRows& rows, int64_t n);
    void (*thin_f32)(const CannyRows& rows, int64_t n);
    void (*thin_f64)(const CannyRows& rows, int64_t n);
    // Hysteresis in rows of bits, `step` words apart, with a word of zeros before and kSlack bytes of them behind.
    // Candidates next to edges of the row before become edges, and some of those next to them.
    void (*spread_rows)(const uint64_t* candidates, uint64_t* edges, int64_t step, int64_t rows, int64_t words);
    // Rows where candidates next to edges are left.
    void (*unfinished_rows)(const uint64_t* candidates, const uint64_t* edges, int64_t step, int64_t rows,
                            int64_t words, bool* unfinished);
    // Bits to 0 and 255.
    void (*expand_bits)(const uint64_t* bits, char* out, int64_t stride, int64_t n);

    // Rows of a summed-area table, `in_step` and `out_step` bytes apart: out[c + x] = the row above's [c + x] (`above`
    // is the first one's) + the sum of in[.. x] of x's channel, and `channels` zeros first. n counts a row's elements.
    // [input][0: i32, 1: i64, 2: f64]; null where the sum could not be exact. `stream`: `above` becomes a copy of the
    // last row of `out`, which is written past the caches.
    void (*integral_rows[kDTypes][3])(const void* in, int64_t in_step, void* above, void* out, int64_t out_step,
                                      int64_t rows, int channels, int64_t n, bool stream);
    void (*finish_streams)();
    // sum[x] += in[x]; [input][accumulator] as above.
    void (*add_row[kDTypes][3])(const void* in, void* sum, int64_t n);
};

}  // namespace imgfilt
