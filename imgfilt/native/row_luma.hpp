// BT.601 luma of interleaved pixels, as OpenCV's RGB2GRAY: 15-bit fixed point for integers. Of fewer than three
// channels the first is the luma: gray and alpha.
#pragma once

#include "simd.hpp"

namespace {

template <class T>
void first_channel(const T* __restrict in, int channels, T* __restrict out, int64_t n) {
    for (int64_t x = 0; x < n; ++x) out[x] = in[x * channels];
}

constexpr int kLumaR = 9798, kLumaG = 19235, kLumaB = 3735, kLumaShift = 15;

template <class T>
void luma_integer(const T* __restrict in, int channels, T* __restrict out, int64_t n) {
    if (channels < 3) return first_channel(in, channels, out, n);
    for (int64_t x = 0; x < n; ++x) {
        const T* p = in + x * channels;
        // at most 65535 * 2^15
        const uint32_t sum = uint32_t{p[0]} * kLumaR + uint32_t{p[1]} * kLumaG + uint32_t{p[2]} * kLumaB;
        out[x] = static_cast<T>((sum + (1u << (kLumaShift - 1))) >> kLumaShift);
    }
}

template <class T, class Real>
void luma_real(const void* input, int channels, void* output, int64_t n) {
    const T* __restrict in = static_cast<const T*>(input);
    T* __restrict out = static_cast<T*>(output);
    if (channels < 3) return first_channel(in, channels, out, n);
    for (int64_t x = 0; x < n; ++x) {
        const T* p = in + x * channels;
        out[x] = p[0] * Real(0.299) + p[1] * Real(0.587) + p[2] * Real(0.114);
    }
}

#if defined(IMGFILT_PAIRS)
// Four pixels in each 128-bit lane: one shuffle makes (R, G) pairs of 16 bits, another (B, 0); two
// multiply-adds and a shift give four lumas of 32 bits. A pixel is 3 or 4 bytes.
struct LumaShuffle {
    alignas(16) int8_t rg[16], b[16];
};
constexpr LumaShuffle kLuma3 = {{0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1},
                                {2, -1, -1, -1, 5, -1, -1, -1, 8, -1, -1, -1, 11, -1, -1, -1}};
constexpr LumaShuffle kLuma4 = {{0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1},
                                {2, -1, -1, -1, 6, -1, -1, -1, 10, -1, -1, -1, 14, -1, -1, -1}};
constexpr int32_t kWeightsRG = (kLumaG << 16) | kLumaR;

#if defined(__AVX512BW__)
constexpr int kLumaPixels = 64;
// Reads 64 bytes at p: 16 past the sixteen pixels where a pixel is 3 bytes.
inline __m512i four_lanes(const uint8_t* p, int channels) {
    if (channels == 4) return _mm512_loadu_si512(p);
    const __m512i spread = _mm512_setr_epi32(0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11);
    return _mm512_permutexvar_epi32(spread, _mm512_loadu_si512(p));
}
inline __m512i luma32(const uint8_t* p, int channels, const LumaShuffle& s) {
    const __m512i rg = _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(s.rg)));
    const __m512i b = _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(s.b)));
    const __m512i v = four_lanes(p, channels);
    const __m512i sum = _mm512_add_epi32(_mm512_madd_epi16(_mm512_shuffle_epi8(v, rg), _mm512_set1_epi32(kWeightsRG)),
                                         _mm512_madd_epi16(_mm512_shuffle_epi8(v, b), _mm512_set1_epi32(kLumaB)));
    return _mm512_srli_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(1 << (kLumaShift - 1))), kLumaShift);
}
inline void luma_step(const uint8_t* p, int channels, const LumaShuffle& s, uint8_t* out) {
    const int64_t step = 16 * channels;
    store_u8(out, luma32(p, channels, s), luma32(p + step, channels, s), luma32(p + 2 * step, channels, s),
             luma32(p + 3 * step, channels, s));
}
#else
constexpr int kLumaPixels = 8;
// Reads 16 bytes at p: four bytes past the four pixels where a pixel is 3 bytes.
inline __m128i luma4(const uint8_t* p, __m128i rg, __m128i b) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i sum = _mm_add_epi32(_mm_madd_epi16(_mm_shuffle_epi8(v, rg), _mm_set1_epi32(kWeightsRG)),
                                      _mm_madd_epi16(_mm_shuffle_epi8(v, b), _mm_set1_epi32(kLumaB)));
    return _mm_srli_epi32(_mm_add_epi32(sum, _mm_set1_epi32(1 << (kLumaShift - 1))), kLumaShift);
}
inline void luma_step(const uint8_t* p, int channels, const LumaShuffle& s, uint8_t* out) {
    const __m128i rg = _mm_load_si128(reinterpret_cast<const __m128i*>(s.rg));
    const __m128i b = _mm_load_si128(reinterpret_cast<const __m128i*>(s.b));
    const __m128i words = _mm_packs_epi32(luma4(p, rg, b), luma4(p + 4 * channels, rg, b));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(words, words));
}
#endif
#endif

#if defined(IMGFILT_PAIRS)
// All but the last six pixels, so that the wide loads stay inside the row; the last step overlaps the one before.
template <int Channels>
int64_t luma_steps(const uint8_t* in, const LumaShuffle& shuffle, uint8_t* out, int64_t n) {
    const int64_t end = n - 6;
    if (end < kLumaPixels) return 0;
    int64_t x = 0;
    for (; x + kLumaPixels <= end; x += kLumaPixels) luma_step(in + x * Channels, Channels, shuffle, out + x);
    if (x < end) luma_step(in + (end - kLumaPixels) * Channels, Channels, shuffle, out + end - kLumaPixels);
    return end;
}
#endif

void luma_u8(const void* input, int channels, void* output, int64_t n) {
    const uint8_t* in = static_cast<const uint8_t*>(input);
    uint8_t* out = static_cast<uint8_t*>(output);
    int64_t x = 0;
#if defined(IMGFILT_PAIRS)
    if (channels == 3) x = luma_steps<3>(in, kLuma3, out, n);
    if (channels == 4) x = luma_steps<4>(in, kLuma4, out, n);
#endif
    luma_integer(in + x * channels, channels, out + x, n - x);
}
void luma_u16(const void* in, int channels, void* out, int64_t n) {
    luma_integer(static_cast<const uint16_t*>(in), channels, static_cast<uint16_t*>(out), n);
}
// OpenCV has none for these.
void luma_i16(const void* input, int channels, void* output, int64_t n) {
    const int16_t* __restrict in = static_cast<const int16_t*>(input);
    int16_t* __restrict out = static_cast<int16_t*>(output);
    if (channels < 3) return first_channel(in, channels, out, n);
    for (int64_t x = 0; x < n; ++x) {
        const int16_t* p = in + x * channels;
        out[x] = static_cast<int16_t>(__builtin_rintf(p[0] * 0.299f + p[1] * 0.587f + p[2] * 0.114f));
    }
}

}  // namespace
