// Sums of a vector's lanes with those before them, for 1 to 4 interleaved channels.
#pragma once

#include "simd.hpp"

namespace {

// result[i] = v[i - by / sizeof(T)], 0 where there is none; `by` in bytes, less than a register.
template <int by, class T>
inline Vec<T> shifted_up(Vec<T> v) {
#if defined(__AVX512BW__)
    if constexpr (by % 4 == 0) {
        return (Vec<T>)_mm512_alignr_epi32((__m512i)v, _mm512_setzero_si512(), 16 - by / 4);
    } else {
        Vec<uint16_t> from;
        for (int i = 0; i < 32; ++i) from[i] = static_cast<uint16_t>(i - by / 2);
        return (Vec<T>)_mm512_maskz_permutexvar_epi16(~0u << by / 2, (__m512i)from, (__m512i)v);
    }
#elif defined(__AVX2__)
    const __m256i below = _mm256_permute2x128_si256((__m256i)v, (__m256i)v, 0x08);  // the lower half in the upper
    if constexpr (by < 16)
        return (Vec<T>)_mm256_alignr_epi8((__m256i)v, below, 16 - by);
    else
        return (Vec<T>)_mm256_slli_si256(below, by - 16);
#elif defined(__SSE2__)
    return (Vec<T>)_mm_slli_si128((__m128i)v, by);
#else
    constexpr int lanes = static_cast<int>(by / sizeof(T));
    Vec<T> r = {};
    for (int i = lanes; i < VectorOf<T>::lanes; ++i) r[i] = v[i - lanes];
    return r;
#endif
}

// v[i] becomes v[i] + v[i - channels] + v[i - 2 * channels] + ..
template <int channels, class T, int first = channels>
inline Vec<T> running(Vec<T> v) {
    if constexpr (first < VectorOf<T>::lanes)
        return running<channels, T, 2 * first>(v + shifted_up<first* static_cast<int>(sizeof(T)), T>(v));
    else
        return v;
}

// What the lanes of the next vector follow on: the last `channels` lanes, over and over.
template <int channels, class T>
inline Vec<T> last_lanes(Vec<T> v) {
    constexpr int lanes = VectorOf<T>::lanes, first = lanes - channels;
#if defined(__AVX2__)
    if constexpr (sizeof(T) >= 4) {
        Vec<uint32_t> from;
        constexpr int words = static_cast<int>(sizeof(T)) / 4;
        for (int i = 0; i < lanes; ++i)
            for (int w = 0; w < words; ++w)
                from[i * words + w] = static_cast<uint32_t>((first + i % channels) * words + w);
#if defined(__AVX512BW__)
        return (Vec<T>)_mm512_permutexvar_epi32((__m512i)from, (__m512i)v);
#else
        return (Vec<T>)_mm256_permutevar8x32_epi32((__m256i)v, (__m256i)from);
#endif
    } else {
#if defined(__AVX512BW__)
        Vec<T> from;
        for (int i = 0; i < lanes; ++i) from[i] = static_cast<T>(first + i % channels);
        return (Vec<T>)_mm512_permutexvar_epi16((__m512i)from, (__m512i)v);
#else
        Vec<uint8_t> from;  // of the last 8 bytes, in all quarters
        for (int i = 0; i < lanes; ++i)
            for (int b = 0; b < 2; ++b) from[2 * i + b] = static_cast<uint8_t>(8 - 2 * channels + i % channels * 2 + b);
        return (Vec<T>)_mm256_shuffle_epi8(_mm256_permute4x64_epi64((__m256i)v, 0xff), (__m256i)from);
#endif
    }
#else
    Vec<T> r;
    for (int i = 0; i < lanes; ++i) r[i] = v[first + i % channels];
    return r;
#endif
}

}  // namespace
