// Rows of summed-area tables. Compiled once per instruction set.
#pragma once

#include "simd.hpp"

namespace {

// v[i] becomes v[0] + .. + v[i].
inline Vec<int32_t> prefix_sum(Vec<int32_t> v) {
#if defined(__AVX512BW__)
    const __m512i zero = _mm512_setzero_si512();
    __m512i a = (__m512i)v;
    a = _mm512_add_epi32(a, _mm512_alignr_epi32(a, zero, 15));
    a = _mm512_add_epi32(a, _mm512_alignr_epi32(a, zero, 14));
    a = _mm512_add_epi32(a, _mm512_alignr_epi32(a, zero, 12));
    a = _mm512_add_epi32(a, _mm512_alignr_epi32(a, zero, 8));
    return (Vec<int32_t>)a;
#elif defined(__AVX2__)
    __m256i a = (__m256i)v;
    a = _mm256_add_epi32(a, _mm256_slli_si256(a, 4));
    a = _mm256_add_epi32(a, _mm256_slli_si256(a, 8));
    const __m256i low = _mm256_permute2x128_si256(a, a, 0x08);  // the low half above a half of zeros
    return (Vec<int32_t>)_mm256_add_epi32(a, _mm256_shuffle_epi32(low, 0xFF));
#else
    const Vec<int32_t> zero = {};
    v += __builtin_shufflevector(zero, v, 3, 4, 5, 6);
    v += __builtin_shufflevector(zero, v, 2, 3, 4, 5);
    return v;
#endif
}

inline Vec<int32_t> last_lane(Vec<int32_t> v) {
#if defined(__AVX512BW__)
    return (Vec<int32_t>)_mm512_permutexvar_epi32(_mm512_set1_epi32(15), (__m512i)v);
#elif defined(__AVX2__)
    return (Vec<int32_t>)_mm256_permutevar8x32_epi32((__m256i)v, _mm256_set1_epi32(7));
#else
    return __builtin_shufflevector(v, v, 3, 3, 3, 3);
#endif
}

// The running sum along a row, one element after another: floats are added in the same order everywhere.
template <class T, class A>
void integral_row(const void* in_, const void* above_, void* out_, int channels, int64_t n) {
    const T* in = static_cast<const T*>(in_);
    const A* above = static_cast<const A*>(above_);
    A* out = static_cast<A*>(out_);
    for (int c = 0; c < channels; ++c) out[c] = 0;
    out += channels;
    above += channels;
    int64_t x = 0;
    if (channels == 1) {
        A sum = 0;
        if constexpr (sizeof(A) == 4) {
            // Prefix sums inside a vector by doubling, then the total so far.
            typedef Vec<int32_t> V;
            constexpr int lanes = VectorOf<int32_t>::lanes;
            V before = {};
            for (; x + lanes <= n; x += lanes) {
                typedef T Narrow __attribute__((vector_size(lanes * sizeof(T))));
                V v = __builtin_convertvector(load<Narrow>(in + x), V);
                v = prefix_sum(v);
                v += before;
                before = last_lane(v);
                store(out + x, v + load<V>(above + x));
            }
            sum = before[0];
        }
        for (; x < n; ++x) {
            sum += static_cast<A>(in[x]);
            out[x] = above[x] + sum;
        }
        return;
    }
    if (channels <= 4) {
        A sum[4] = {};
        for (; x + channels <= n; x += channels)
            for (int c = 0; c < channels; ++c) {
                sum[c] += static_cast<A>(in[x + c]);
                out[x + c] = above[x + c] + sum[c];
            }
        return;
    }
    for (int c = 0; c < channels; ++c) {
        A sum = 0;
        for (x = c; x < n; x += channels) {
            sum += static_cast<A>(in[x]);
            out[x] = above[x] + sum;
        }
    }
}

template <class T, class A>
void add_row(const void* in_, void* sum_, int64_t n) {
    const T* in = static_cast<const T*>(in_);
    A* sum = static_cast<A*>(sum_);
    for (int64_t x = 0; x < n; ++x) sum[x] += static_cast<A>(in[x]);
}

#define IMGFILT_EACH_SUM(f)                                                                                           \
    {{f<uint8_t, int32_t>, f<uint8_t, int64_t>, f<uint8_t, double>},                                                \
     {f<uint16_t, int32_t>, f<uint16_t, int64_t>, f<uint16_t, double>},                                             \
     {f<int16_t, int32_t>, f<int16_t, int64_t>, f<int16_t, double>},                                                \
     {nullptr, nullptr, nullptr},                                                                                     \
     {nullptr, nullptr, f<float, double>},                                                                            \
     {nullptr, nullptr, f<double, double>},                                                                           \
     {nullptr, nullptr, nullptr}}

}  // namespace
