// The loops over one row that a row program is made of, one table of them per instruction set.
//
// All read and write `n` contiguous elements. Inputs and output never overlap. Integer accumulation is modulo
// 2^bits, so that a sum is right whenever the caller has proved that its final value fits, whatever the
// partial sums do.
#pragma once

#include "types.hpp"

namespace imgfilt {

enum class Rounding : int { half_even = 0, half_up = 1 };

// value = x * scale + bias, then rounded and saturated where the output type is an integer.
struct Affine {
    double scale = 1.0, bias = 0.0;
    Rounding rounding = Rounding::half_even;
    bool wide = false;  // i32 beyond 2^24
};

// Memory that will be needed soon. The loops that take one have instructions enough to fetch a few cache lines of it
// between them, and say how far they came.
struct Ahead {
    const char* at = nullptr;
    const char* end = nullptr;
};
struct NextRows {
    Ahead source, target;  // of the image, of the output
};

// A rectangle of weights: its columns are `step` elements apart, and so many of its rows (a power of two) are added up
// before they are added to the rows before, which keeps the rounding error of long sums small. Where it has gaps what
// lies under weights of 0 is not read.
struct Rectangle {
    int height = 0, width = 0, step = 1, run = 1;
    bool gaps = false;
};
constexpr int kRunTaps = 32;
// Rows of so many columns whose sum is of no more than kRunTaps taps: a power of two, or one.
constexpr int rows_in_run(int width) {
    int rows = 1;
    while (2 * rows * width <= kRunTaps) rows *= 2;
    return rows;
}
constexpr int kDenseRows = 4;     // rows of a sum under a rectangle that are made at once
constexpr int kDenseWidth = 192;  // elements that fill tiles of any instruction set
constexpr int kBlockRows = 8;     // rows of a vertical sum that are made at once

// image + amount * (image - (blurred * scale + bias)) where that difference is not below the threshold
struct Sharpening {
    float scale = 1.0f, bias = 0.0f, amount = 0.0f, threshold = 0.0f;
};
// bias + the weighted sum of two, or its absolute value
struct Mixture {
    float weights[2] = {};
    float bias = 0.0f;
    bool absolute = false;
};

struct RowKernels {
    // out[x] = init + sum over t < k of w[t] * p[t][x]
    void (*taps_u8_i16)(const uint8_t* const* p, const int16_t* w, int k, int16_t init, int16_t* out, int64_t n);
    // Two such sums, mostly of the same rows.
    void (*two_taps_u8_i16)(const uint8_t* const* pa, const int16_t* wa, int ka, int16_t* a, const uint8_t* const* pb,
                            const int16_t* wb, int kb, int16_t* b, int64_t n);
    void (*taps_i16_i16)(const int16_t* const* p, const int16_t* w, int k, int16_t init, int16_t* out, int64_t n);
    void (*taps_i16_i32)(const int16_t* const* p, const int16_t* w, int k, int32_t init, int32_t* out, int64_t n);
    void (*taps_f32)(const float* const* p, const float* w, int k, float init, float* out, int64_t n);
    void (*taps_f64)(const double* const* p, const double* w, int k, double init, double* out, int64_t n);
    // out[r][x] = init + sum over t < k of w[t] * p[t + r][x], r < rows: at most kBlockRows.
    void (*columns_u8_i16)(const uint8_t* const* p, const int16_t* w, int k, int16_t init, int16_t* const* out,
                           int rows, int64_t n);
    void (*columns_f32)(const float* const* p, const float* w, int k, float init, float* const* out, int rows,
                        int64_t n);
    void (*columns_f64)(const double* const* p, const double* w, int k, double init, double* const* out, int rows,
                        int64_t n);
    // out[x] = init + sum over t < k of w[t] * in[x + t * step], or false: not for such short rows or such a step.
    bool (*along_f32)(const float* in, const float* w, int k, int step, float init, float* out, int64_t n);
    bool (*along_f64)(const double* in, const double* w, int k, int step, double init, double* out, int64_t n);
    // Pixel q of `out` = sum over t < k of w[t] * pixel q * size of p[t]; `n` pixels. Null where there is none.
    void (*taps_apart_f32)(const float* const* p, const float* w, int k, int size, int channels, float* out, int64_t n);
    // out[r][x] = init + sum over i < height, j < width of w[i * width + j] * p[r + i][x + j * step], r < rows.
    void (*dense_f32)(const float* const* p, const float* w, const Rectangle& rectangle, float init, float* const* out,
                      int rows, int64_t n);
    void (*dense_f64)(const double* const* p, const double* w, const Rectangle& rectangle, double init,
                      double* const* out, int rows, int64_t n);
    // The same of 16-bit elements in 32 bits, as they are or as taps_i16_u8 has them; null where there is none. The low
    // half of w[(i + 1) * width + j] is the weight in row i, the high one that in row i + 1; i begins at -1, and
    // outside the rectangle weights are 0.
    void (*dense_i16_i32)(const int16_t* const* p, const int32_t* w, const Rectangle& rectangle, int32_t init,
                          int shift, int32_t* const* out, int rows, int64_t n);
    void (*dense_i16_u8)(const int16_t* const* p, const int32_t* w, const Rectangle& rectangle, int32_t init, int shift,
                         uint8_t* const* out, int rows, int64_t n);
    void (*taps_u8_f32)(const uint8_t* const* p, const float* w, int k, float init, float* out, int64_t n);
    void (*taps_u16_f32)(const uint16_t* const* p, const float* w, int k, float init, float* out, int64_t n);
    void (*taps_i16_f32)(const int16_t* const* p, const float* w, int k, float init, float* out, int64_t n);
    // The i16 -> i32 sum shifted right (rounding down) by `shift` and saturated to 8 bits.
    void (*taps_i16_u8)(const int16_t* const* p, const int16_t* w, int k, int32_t init, int shift, uint8_t* out,
                        int64_t n, NextRows* next);

    // The same with a 16-bit sum that is known to lie in 0 .. 65535, and below 256 once shifted.
    void (*taps_narrow_u8)(const int16_t* const* p, const int16_t* w, int k, int16_t init, int shift, uint8_t* out,
                           int64_t n);
    // 16-bit sums of known range, saturated to 8 bits. Of bytes two at a time: the absolute weights of a tap of even
    // number and of the one after it are 128 together at most.
    void (*taps_saturated_u8)(const uint8_t* const* p, const int16_t* w, int k, int16_t init, uint8_t* out, int64_t n);
    void (*taps_saturated_i16)(const int16_t* const* p, const int16_t* w, int k, int16_t init, uint8_t* out, int64_t n);
    // saturate(round(scale * sqrt(a^2 + b^2))) where a is the sum of the first ka taps and b of the kb after them;
    // both are known to fit 16 bits, and a^2 + b^2 31.
    void (*gradient_u8)(const int16_t* const* p, const int16_t* w, int ka, int kb, float scale, uint8_t* out, int64_t n,
                        NextRows* next);
    // The same of reals.
    void (*gradient_f32)(const float* const* p, const float* w, int ka, int kb, float scale, float* out, int64_t n);
    void (*gradient_f32_u16)(const float* const* p, const float* w, int ka, int kb, float scale, uint16_t* out,
                             int64_t n);

    // sum[x] += enter[x] - leave[x]; + enter[x] alone where `leave` is null
    void (*slide_u8_u16)(const uint8_t* enter, const uint8_t* leave, uint16_t* sum, int64_t n);
    void (*slide_u8_i32)(const uint8_t* enter, const uint8_t* leave, int32_t* sum, int64_t n);
    void (*slide_u16_i32)(const uint16_t* enter, const uint16_t* leave, int32_t* sum, int64_t n);
    void (*slide_i16_i32)(const int16_t* enter, const int16_t* leave, int32_t* sum, int64_t n);
    bool (*slide_f32_f64)(const float* enter, const float* leave, double* sum, int64_t n);  // are all of enter finite?

    // window_sums[from][to]: out[x] = sum over i < size of in[x + i * channels], `in` being where the window of pixel 0
    // begins. A pixel before it is read too, and up to 64 bytes beyond what the last window needs.
    void (*window_sums[kDTypes][kDTypes])(const void* in, int size, int channels, void* out, int64_t n);
    // The same sums (of u16 in 32 bits) made pixels as convert does, to the nearest in 24 bits, of f64 in 53; null
    // where there is none.
    void (*window_pixels[kDTypes][kDTypes])(const void* in, int size, int channels, const Affine& affine, void* out,
                                            int64_t n);
    // The same sums in 16 bits, made pixels as divide_u16_u8 does.
    void (*window_u16_u8)(const uint16_t* in, int size, int channels, uint16_t add, uint16_t multiplier, int shift,
                          uint8_t* out, int64_t n);

    // out[x] = sum over i < size of in[x + i * step], without subtraction; `scratch` holds 2 * (n + size * step)
    // elements.
    void (*window_f32)(const float* in, int size, int step, float* scratch, float* out, int64_t n);
    void (*window_f64)(const double* in, int size, int step, double* scratch, double* out, int64_t n);

    // (in[x] + add) * multiplier / 2^(16 + shift), rounding down; in[x] + add is known to fit 16 bits.
    void (*divide_u16_u8)(const uint16_t* in, uint16_t add, uint16_t multiplier, int shift, uint8_t* out, int64_t n);

    // Pixels of `channels` elements of 1, 2, 4 or 8 bytes (the power of two is the table's index). Up to 64 bytes
    // beyond the last pixel of the input are read, nothing beyond n pixels of the output is written.
    // out's pixel q = in's pixel q * size
    void (*decimate[4])(const void* in, int size, int channels, void* out, int64_t n);
    // out's pixel x = pixel x / size of in[x % size]
    void (*interleave[4])(const void* const* in, int size, int channels, void* out, int64_t n);

    // convert[from][to]; null where there is none. Done in 53-bit arithmetic where either side is f64 or the
    // affine is `wide`, else in 24-bit.
    void (*convert[kDTypes][kDTypes])(const void* in, const Affine& affine, void* out, int64_t n);

    // n pixels of `channels` interleaved elements to one luma element each: the first of fewer than three.
    void (*luma[kDTypes])(const void* in, int channels, void* out, int64_t n);

    // scale * sqrt(sum of squares)
    void (*magnitude_f32)(const float* const* p, int k, float scale, float* out, int64_t n);
    void (*magnitude_f64)(const double* const* p, int k, double scale, double* out, int64_t n);

    void (*maximum_i16)(const int16_t* const* p, int k, bool absolute, int16_t* out, int64_t n);
    void (*maximum_f32)(const float* const* p, int k, bool absolute, float* out, int64_t n);
    void (*maximum_f64)(const double* const* p, int k, bool absolute, double* out, int64_t n);

    // v = sum of w[t] * p[t][x]; out = bias + (absolute ? |v| : v)
    void (*combine_f32)(const float* const* p, const float* w, int k, bool absolute, float bias, float* out, int64_t n);
    void (*combine_f64)(const double* const* p, const double* w, int k, bool absolute, double bias, double* out,
                        int64_t n);

    void (*sharpen_f32)(const float* image, const float* blurred, float amount, float threshold, float* out, int64_t n);
    void (*sharpen_f64)(const double* image, const double* blurred, double amount, double threshold, double* out,
                        int64_t n);
    // Of two lines to pixels: [type of the first][of the second][of the pixels], null where there is none.
    void (*sharpen_pixels[kDTypes][kDTypes][kDTypes])(const void* image, const void* blurred, const Sharpening& how,
                                                      void* out, int64_t n);
    void (*mix_pixels[kDTypes][kDTypes][kDTypes])(const void* a, const void* b, const Mixture& how, void* out,
                                                  int64_t n);

    // n pixels whose last channel is alpha, 0 .. full.
    void (*premultiply_f32)(const float* in, int channels, float full, float* out, int64_t n);
    void (*premultiply_f64)(const double* in, int channels, double full, double* out, int64_t n);
    void (*unpremultiply_f32)(const float* in, int channels, float full, float* out, int64_t n);
    void (*unpremultiply_f64)(const double* in, int channels, double full, double* out, int64_t n);
    // sRGB code values 0 .. full to linear light 0 .. 1, and back; alpha, the last channel, is only scaled.
    void (*linearize_f32)(const float* in, int channels, bool alpha, double full, float* out, int64_t n);
    void (*linearize_f64)(const double* in, int channels, bool alpha, double full, double* out, int64_t n);
    void (*delinearize_f32)(const float* in, int channels, bool alpha, double full, float* out, int64_t n);
    void (*delinearize_f64)(const double* in, int channels, bool alpha, double full, double* out, int64_t n);
    // The colours of `in`, the last channel of `alpha`.
    void (*copy_alpha_f32)(const float* in, const float* alpha, int channels, float* out, int64_t n);
    void (*copy_alpha_f64)(const double* in, const double* alpha, int channels, double* out, int64_t n);
};

}  // namespace imgfilt
