// The sRGB transfer function and its inverse (IEC 61966-2-1), without branches so that they vectorise.
#pragma once

#include "simd.hpp"

namespace {

// x^y for x > 0 by 2^(y log2 x) in 53 bits: log2 of the mantissa by the series of artanh, 2^f by Taylor's;
// relative error below 1e-10, and the same bits on every instruction set.
inline double power(double x, double y) {
    int64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    const int64_t offset = bits - 0x3FE6A09E667F3BCDLL;  // mantissa from sqrt(1/2) to sqrt(2)
    const int64_t exponent = offset >> 52;
    const int64_t mantissa = bits - exponent * (int64_t{1} << 52);
    double m;
    std::memcpy(&m, &mantissa, sizeof m);
    const double s = (m - 1.0) / (m + 1.0), q = s * s;
    double series = 1.0 / 15.0;
    series = series * q + 1.0 / 13.0;
    series = series * q + 1.0 / 11.0;
    series = series * q + 1.0 / 9.0;
    series = series * q + 1.0 / 7.0;
    series = series * q + 1.0 / 5.0;
    series = series * q + 1.0 / 3.0;
    series = series * q + 1.0;
    const double log2 = static_cast<double>(exponent) + 2.8853900817779268 * s * series;
    const double e = y * log2, whole = __builtin_rint(e), f = (e - whole) * 0.6931471805599453;
    double power = 1.0 / 3628800.0;
    power = power * f + 1.0 / 362880.0;
    power = power * f + 1.0 / 40320.0;
    power = power * f + 1.0 / 5040.0;
    power = power * f + 1.0 / 720.0;
    power = power * f + 1.0 / 120.0;
    power = power * f + 1.0 / 24.0;
    power = power * f + 1.0 / 6.0;
    power = power * f + 0.5;
    power = power * f + 1.0;
    power = power * f + 1.0;
    const int64_t scale = (static_cast<int64_t>(whole) + 1023) * (int64_t{1} << 52);
    double two;
    std::memcpy(&two, &scale, sizeof two);
    return power * two;
}

inline double bounded(double v) { return v > 1e-30 ? (v < 1e30 ? v : 1e30) : 1e-30; }

// NaN and infinities come through; negative values take the straight part.
inline double decode(double v) {
    const double curve = power(bounded((v + 0.055) / 1.055), 2.4);
    return v > 0.04045 ? (v < 1e30 ? curve : v) : v / 12.92;
}
inline double encode(double v) {
    const double curve = 1.055 * power(bounded(v), 1.0 / 2.4) - 0.055;
    return v > 0.0031308 ? (v < 1e30 ? curve : v) : v * 12.92;
}

// n pixels; the last channel is only scaled where it is alpha.
template <class T>
void linearize(const T* __restrict in, int channels, bool alpha, double full, T* __restrict out, int64_t n) {
    for (int64_t x = 0; x < n * channels; ++x) out[x] = static_cast<T>(decode(in[x] / full));
    if (alpha)
        for (int64_t x = channels - 1; x < n * channels; x += channels) out[x] = static_cast<T>(in[x] / full);
}
template <class T>
void delinearize(const T* __restrict in, int channels, bool alpha, double full, T* __restrict out, int64_t n) {
    for (int64_t x = 0; x < n * channels; ++x) out[x] = static_cast<T>(encode(in[x]) * full);
    if (alpha)
        for (int64_t x = channels - 1; x < n * channels; x += channels) out[x] = static_cast<T>(in[x] * full);
}

}  // namespace
