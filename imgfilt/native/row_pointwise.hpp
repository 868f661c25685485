// Pixel by pixel: magnitudes, maxima, weighted sums, sharpening, alpha.
#pragma once

#include "simd.hpp"

namespace {

inline float root_of(float v) { return __builtin_sqrtf(v); }
inline double root_of(double v) { return __builtin_sqrt(v); }
inline float absolute_of(float v) { return __builtin_fabsf(v); }
inline double absolute_of(double v) { return __builtin_fabs(v); }

template <class T>
void magnitude(const T* const* p, int k, T scale, T* __restrict out, int64_t n) {
    if (k == 2) {
        const T* __restrict a = p[0];
        const T* __restrict b = p[1];
        for (int64_t x = 0; x < n; ++x) out[x] = scale * root_of(a[x] * a[x] + b[x] * b[x]);
        return;
    }
    for (int64_t x = 0; x < n; ++x) out[x] = 0;
    for (int t = 0; t < k; ++t) {
        const T* __restrict a = p[t];
        for (int64_t x = 0; x < n; ++x) out[x] += a[x] * a[x];
    }
    for (int64_t x = 0; x < n; ++x) out[x] = scale * root_of(out[x]);
}

// NaN wins, as in a sum.
template <class T>
inline T larger(T a, T b) {
    return a > b || a != a ? a : b;
}

template <bool Absolute, class T>
inline T entry(T v) {
    if constexpr (Absolute) return v < 0 ? static_cast<T>(-v) : v;
    return v;
}
template <bool Absolute, class T>
void maximum_rows(const T* const* p, int k, T* __restrict out, int64_t n) {
    const T* __restrict first = p[0];
    for (int64_t x = 0; x < n; ++x) out[x] = entry<Absolute>(first[x]);
    for (int t = 1; t < k; ++t) {
        const T* __restrict a = p[t];
        for (int64_t x = 0; x < n; ++x) out[x] = larger(out[x], entry<Absolute>(a[x]));
    }
}
template <class T>
void maximum(const T* const* p, int k, bool absolute, T* out, int64_t n) {
    if (absolute)
        maximum_rows<true>(p, k, out, n);
    else
        maximum_rows<false>(p, k, out, n);
}

template <class T>
void combine(const T* const* p, const T* w, int k, bool absolute, T bias, T* __restrict out, int64_t n) {
    {
        const T* __restrict a = p[0];
        const T weight = w[0];
        for (int64_t x = 0; x < n; ++x) out[x] = weight * a[x];
    }
    for (int t = 1; t < k; ++t) {
        const T* __restrict a = p[t];
        const T weight = w[t];
        for (int64_t x = 0; x < n; ++x) out[x] = fused(weight, a[x], out[x]);
    }
    if (absolute)
        for (int64_t x = 0; x < n; ++x) out[x] = bias + absolute_of(out[x]);
    else if (bias != 0)
        for (int64_t x = 0; x < n; ++x) out[x] += bias;
}

template <class T>
void sharpen(const T* __restrict image, const T* __restrict blurred, T amount, T threshold, T* __restrict out,
             int64_t n) {
    for (int64_t x = 0; x < n; ++x) {
        const T detail = image[x] - blurred[x];
        // A NaN fails the comparison and must come through.
        out[x] = absolute_of(detail) < threshold ? image[x] : fused(amount, detail, image[x]);
    }
}

template <class T>
void premultiply(const T* __restrict in, int channels, T full, T* __restrict out, int64_t n) {
    for (int64_t x = 0; x < n; ++x) {
        const T* p = in + x * channels;
        T* q = out + x * channels;
        const T alpha = p[channels - 1], weight = alpha / full;
        for (int c = 0; c < channels - 1; ++c) q[c] = p[c] * weight;
        q[channels - 1] = alpha;
    }
}
template <class T>
void unpremultiply(const T* __restrict in, int channels, T full, T* __restrict out, int64_t n) {
    for (int64_t x = 0; x < n; ++x) {
        const T* p = in + x * channels;
        T* q = out + x * channels;
        const T alpha = p[channels - 1];
        for (int c = 0; c < channels - 1; ++c) q[c] = alpha > 0 ? p[c] * full / alpha : T(0);
        q[channels - 1] = alpha;
    }
}
template <class T>
void copy_alpha(const T* __restrict in, const T* __restrict source, int channels, T* __restrict out, int64_t n) {
    for (int64_t x = 0; x < n; ++x) {
        for (int c = 0; c < channels - 1; ++c) out[x * channels + c] = in[x * channels + c];
        out[x * channels + channels - 1] = source[x * channels + channels - 1];
    }
}

}  // namespace
