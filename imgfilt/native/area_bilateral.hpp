// One row of the bilateral filter. Compiled once per instruction set.
//
// Weights are 2^(space + colour * distance^2), evaluated directly: many pixels at a time that beats a table
// of exponentials, which has to be read one element at a time.
#pragma once

#include "area_kernels.hpp"
#include "simd.hpp"

namespace {

using imgfilt::BilateralRow;

// a > b ? a : b
template <class V>
inline V larger(V a, V b) {
#if defined(__AVX2__) && !defined(__AVX512BW__)
    if constexpr (Same<V, Vec<float>>::value)
        return (V)_mm256_max_ps((__m256)a, (__m256)b);
    else
        return (V)_mm256_max_pd((__m256d)a, (__m256d)b);
#else
    return a > b ? a : b;
#endif
}

// 2^t for t <= 0 (flushed to about 2^-126 below that). Polynomials: minimax-like fits of 2^f on [-1/2, 1/2]
// (coarse: relative error 1e-4; fine: 2e-7).
template <bool coarse>
inline Vec<float> power_of_two(Vec<float> t) {
    typedef Vec<float> V;
#if defined(__AVX512BW__)
    const V f = (V)_mm512_reduce_ps((__m512)t, 0);  // t less the nearest integer
    const V e = t - f;
#else
    t = larger(t, V{} - 126.0f);
    const V magic = V{} + 12582912.0f;
    const V shifted = t + magic;  // its low bits are the nearest integer
    const V f = t - (shifted - magic);
#endif
    V p;
    if constexpr (coarse) {
        p = fused(V{} + 0.05550411f, f, V{} + 0.24022651f);
        p = fused(p, f, V{} + 0.69315308f);
        p = fused(p, f, V{} + 1.0f);
    } else {
        p = fused(V{} + 1.3333558e-3f, f, V{} + 9.6181291e-3f);
        p = fused(p, f, V{} + 5.5504109e-2f);
        p = fused(p, f, V{} + 2.4022651e-1f);
        p = fused(p, f, V{} + 6.9314718e-1f);
        p = fused(p, f, V{} + 1.0f);
    }
#if defined(__AVX512BW__)
    return (V)_mm512_scalef_ps((__m512)p, (__m512)e);
#else
    return (V)((Vec<int32_t>)p + ((Vec<int32_t>)shifted << 23));
#endif
}

template <bool>
inline Vec<double> power_of_two(Vec<double> t) {
    typedef Vec<double> V;
    t = larger(t, V{} - 1000.0);
    const V magic = V{} + 6755399441055744.0;
    const V shifted = t + magic;  // its low bits are the nearest integer
    const V f = (t - (shifted - magic)) * 0.693147180559945309417;
    V p = V{} + 1.0 / 39916800;  // Taylor's series of e^f; |f| < 0.35 leaves 1e-14
    constexpr double rest[] = {3628800, 362880, 40320, 5040, 720, 120, 24, 6, 2, 1, 1};
    for (double factorial : rest) p = fused(p, f, V{} + 1.0 / factorial);
    return (V)((Vec<int64_t>)p + ((Vec<int64_t>)shifted << 52));
}

inline Vec<float> absolute(Vec<float> v) { return (Vec<float>)((Vec<int32_t>)v & 0x7fffffff); }
inline Vec<double> absolute(Vec<double> v) { return (Vec<double>)((Vec<int64_t>)v & 0x7fffffffffffffff); }

// Differences from the centre are what is averaged: they are exact, and small where the weight is large.
template <class T, int channels, bool coarse>
void bilateral_few(const BilateralRow& row, int64_t n) {
    typedef Vec<T> V;
    const T* const* taps = reinterpret_cast<const T* const*>(row.taps);
    const T* space = static_cast<const T*>(row.space);
    const V colour = V{} + static_cast<T>(row.colour);
    for (int64_t x = 0; x < n; x += VectorOf<T>::lanes) {
        V centre[channels], total[channels], norm = V{} + T(1);
        for (int c = 0; c < channels; ++c) {
            centre[c] = load<V>(static_cast<const T*>(row.centre[c]) + x);
            total[c] = V{};
        }
        for (int i = 0; i < row.count; ++i) {
            V d[channels];
            for (int c = 0; c < channels; ++c) d[c] = load<V>(taps[i * channels + c] + x) - centre[c];
            V distance = d[0];
            if constexpr (channels > 1) {
                distance = absolute(d[0]);
                for (int c = 1; c < channels; ++c) distance += absolute(d[c]);
            }
            const V weight = power_of_two<coarse>(fused(distance * distance, colour, splat(space[i])));
            for (int c = 0; c < channels; ++c) total[c] = fused(weight, d[c], total[c]);
            norm += weight;
        }
        for (int c = 0; c < channels; ++c) store(static_cast<T*>(row.out[c]) + x, centre[c] + total[c] / norm);
    }
}

// Any number of channels: the sums live in the output rows.
template <class T>
void bilateral_many(const BilateralRow& row, int64_t n) {
    typedef Vec<T> V;
    const T* const* taps = reinterpret_cast<const T* const*>(row.taps);
    const T* const* centre = reinterpret_cast<const T* const*>(row.centre);
    T* const* out = reinterpret_cast<T* const*>(row.out);
    const T* space = static_cast<const T*>(row.space);
    const V colour = V{} + static_cast<T>(row.colour);
    for (int64_t x = 0; x < n; x += VectorOf<T>::lanes) {
        V norm = V{} + T(1);
        for (int c = 0; c < row.channels; ++c) store(out[c] + x, V{});
        for (int i = 0; i < row.count; ++i) {
            const T* const* tap = taps + i * row.channels;
            V distance = {};
            for (int c = 0; c < row.channels; ++c) distance += absolute(load<V>(tap[c] + x) - load<V>(centre[c] + x));
            const V weight = power_of_two<false>(fused(distance * distance, colour, splat(space[i])));
            for (int c = 0; c < row.channels; ++c)
                store(out[c] + x, fused(weight, load<V>(tap[c] + x) - load<V>(centre[c] + x), load<V>(out[c] + x)));
            norm += weight;
        }
        for (int c = 0; c < row.channels; ++c) store(out[c] + x, load<V>(centre[c] + x) + load<V>(out[c] + x) / norm);
    }
}

template <class T>
void bilateral_row(const BilateralRow& row, int64_t n) {
    if (row.channels > 4) return bilateral_many<T>(row, n);
    if constexpr (sizeof(T) == 4) {
        if (row.coarse && row.channels == 1) return bilateral_few<T, 1, true>(row, n);
        if (row.coarse && row.channels == 3) return bilateral_few<T, 3, true>(row, n);
    }
    switch (row.channels) {
        case 1: return bilateral_few<T, 1, false>(row, n);
        case 2: return bilateral_few<T, 2, false>(row, n);
        case 3: return bilateral_few<T, 3, false>(row, n);
        default: return bilateral_few<T, 4, false>(row, n);
    }
}

}  // namespace
