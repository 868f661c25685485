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

template <class T, class V>
inline V luma_sum(V r, V g, V b) {
    return r * T(0.299) + g * T(0.587) + b * T(0.114);
}

#if defined(__GNUC__) && !defined(__clang__)
// Where the elements of channel c lie among Channels registers of pixels: the permutation that takes them from the
// first two, and those that add what lies in each further one.
template <class Index, int Lanes, int Channels>
struct Channel {
    Index from[Channels - 1][Lanes];

    constexpr explicit Channel(int c) : from() {
        for (int i = 0; i < Lanes; ++i) {
            const int at = i * Channels + c;
            from[0][i] = static_cast<Index>(at < 2 * Lanes ? at : 0);
            for (int j = 2; j < Channels; ++j)
                from[j - 1][i] = static_cast<Index>(at / Lanes == j ? Lanes + at % Lanes : i);
        }
    }
};

template <class T, int Channels>
int64_t luma_vectors(const T* in, T* out, int64_t n) {
    typedef typename Pick<sizeof(T) == 4, int32_t, int64_t>::type Index;
    constexpr int lanes = VectorOf<T>::lanes;
    constexpr Channel<Index, lanes, Channels> of[3] = {
        Channel<Index, lanes, Channels>(0), Channel<Index, lanes, Channels>(1), Channel<Index, lanes, Channels>(2)};
    int64_t x = 0;
    for (; x + lanes <= n; x += lanes) {
        Vec<T> v[Channels], rgb[3];
        for (int j = 0; j < Channels; ++j) v[j] = load<Vec<T>>(in + x * Channels + j * lanes);
        for (int c = 0; c < 3; ++c) {
            rgb[c] = __builtin_shuffle(v[0], v[1], load<Vec<Index>>(of[c].from[0]));
            for (int j = 2; j < Channels; ++j)
                rgb[c] = __builtin_shuffle(rgb[c], v[j], load<Vec<Index>>(of[c].from[j - 1]));
        }
        store(out + x, luma_sum<T>(rgb[0], rgb[1], rgb[2]));
    }
    return x;
}
#endif

template <class T>
void luma_real(const void* input, int channels, void* output, int64_t n) {
    const T* __restrict in = static_cast<const T*>(input);
    T* __restrict out = static_cast<T*>(output);
    if (channels < 3) return first_channel(in, channels, out, n);
    int64_t x = 0;
#if defined(__GNUC__) && !defined(__clang__)
    if (channels == 3) x = luma_vectors<T, 3>(in, out, n);
    if (channels == 4) x = luma_vectors<T, 4>(in, out, n);
#endif
    for (; x < n; ++x) {
        const T* p = in + x * channels;
        out[x] = luma_sum<T>(p[0], p[1], p[2]);
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

// The loads of pixels of 3 bytes reach beyond the last of them, those of a row's last step (`Last`) as far before the
// first.
#if defined(__AVX512BW__)
constexpr int kLumaPixels = 64;
// Sixteen pixels; 64 bytes.
template <bool Last>
inline __m512i four_lanes(const uint8_t* p, int channels) {
    if (channels == 4) return _mm512_loadu_si512(p);
    const __m512i first = _mm512_setr_epi32(0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11);
    const __m512i spread = Last ? _mm512_add_epi32(first, _mm512_set1_epi32(4)) : first;
    return _mm512_permutexvar_epi32(spread, _mm512_loadu_si512(Last ? p - 16 : p));
}
template <bool Last>
inline __m512i luma32(const uint8_t* p, int channels, const LumaShuffle& s) {
    const __m512i rg = _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(s.rg)));
    const __m512i b = _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(s.b)));
    const __m512i v = four_lanes<Last>(p, channels);
    const __m512i sum = _mm512_add_epi32(_mm512_madd_epi16(_mm512_shuffle_epi8(v, rg), _mm512_set1_epi32(kWeightsRG)),
                                         _mm512_madd_epi16(_mm512_shuffle_epi8(v, b), _mm512_set1_epi32(kLumaB)));
    return _mm512_srli_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32(1 << (kLumaShift - 1))), kLumaShift);
}
template <bool Last>
inline void luma_step(const uint8_t* p, int channels, const LumaShuffle& s, uint8_t* out) {
    const int64_t step = 16 * channels;
    store_u8(out, luma32<Last>(p, channels, s), luma32<Last>(p + step, channels, s),
             luma32<Last>(p + 2 * step, channels, s), luma32<Last>(p + 3 * step, channels, s));
}
#else
// Four pixels; 16 bytes.
template <bool Last>
inline __m128i one_lane(const uint8_t* p, int channels) {
    if (!Last || channels == 4) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm_bsrli_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p - 4)), 4);
}
#if defined(__AVX2__)
constexpr int kLumaPixels = 32;
template <bool Last>
inline __m256i luma8(const uint8_t* p, int channels, __m256i rg, __m256i b) {
    const __m256i low = _mm256_castsi128_si256(one_lane<Last>(p, channels));
    const __m256i v = _mm256_inserti128_si256(low, one_lane<Last>(p + 4 * channels, channels), 1);
    const __m256i sum = _mm256_add_epi32(_mm256_madd_epi16(_mm256_shuffle_epi8(v, rg), _mm256_set1_epi32(kWeightsRG)),
                                         _mm256_madd_epi16(_mm256_shuffle_epi8(v, b), _mm256_set1_epi32(kLumaB)));
    return _mm256_srli_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << (kLumaShift - 1))), kLumaShift);
}
template <bool Last>
inline void luma_step(const uint8_t* p, int channels, const LumaShuffle& s, uint8_t* out) {
    const __m256i rg = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(s.rg)));
    const __m256i b = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(s.b)));
    const int step = 8 * channels;
    store_u8(out, luma8<Last>(p, channels, rg, b), luma8<Last>(p + step, channels, rg, b),
             luma8<Last>(p + 2 * step, channels, rg, b), luma8<Last>(p + 3 * step, channels, rg, b));
}
#else
constexpr int kLumaPixels = 8;
inline __m128i luma4(__m128i v, __m128i rg, __m128i b) {
    const __m128i sum = _mm_add_epi32(_mm_madd_epi16(_mm_shuffle_epi8(v, rg), _mm_set1_epi32(kWeightsRG)),
                                      _mm_madd_epi16(_mm_shuffle_epi8(v, b), _mm_set1_epi32(kLumaB)));
    return _mm_srli_epi32(_mm_add_epi32(sum, _mm_set1_epi32(1 << (kLumaShift - 1))), kLumaShift);
}
template <bool Last>
inline void luma_step(const uint8_t* p, int channels, const LumaShuffle& s, uint8_t* out) {
    const __m128i rg = _mm_load_si128(reinterpret_cast<const __m128i*>(s.rg));
    const __m128i b = _mm_load_si128(reinterpret_cast<const __m128i*>(s.b));
    const __m128i words = _mm_packs_epi32(luma4(one_lane<Last>(p, channels), rg, b),
                                          luma4(one_lane<Last>(p + 4 * channels, channels), rg, b));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(words, words));
}
#endif
#endif

// All pixels of a row that has enough of them; the last step may overlap the one before.
template <int Channels>
bool luma_steps(const uint8_t* in, const LumaShuffle& shuffle, uint8_t* out, int64_t n) {
    constexpr int64_t reach = kLumaPixels + 6;  // what a step reads
    if (n < reach) return false;
    int64_t x = 0;
    for (; x + reach <= n; x += kLumaPixels) luma_step<false>(in + x * Channels, Channels, shuffle, out + x);
    const int64_t last = n - kLumaPixels;
    if (x <= last) {
        luma_step<true>(in + x * Channels, Channels, shuffle, out + x);
        x += kLumaPixels;
    }
    if (x < n) luma_step<true>(in + last * Channels, Channels, shuffle, out + last);
    return true;
}
#endif

void luma_u8(const void* input, int channels, void* output, int64_t n) {
    const uint8_t* in = static_cast<const uint8_t*>(input);
    uint8_t* out = static_cast<uint8_t*>(output);
#if defined(IMGFILT_PAIRS)
    if (channels == 3 && luma_steps<3>(in, kLuma3, out, n)) return;
    if (channels == 4 && luma_steps<4>(in, kLuma4, out, n)) return;
#endif
    luma_integer(in, channels, out, n);
}
#if defined(IMGFILT_PAIRS)
// Two pixels of 16 bits in each 128: multiply-adds of signed numbers, 2^15 less than the pixels, whose weights add up
// to 2^15.
template <int Channels>
inline __m128i luma_two(const uint16_t* p) {
    const __m128i weights = _mm_setr_epi16(kLumaR, kLumaG, kLumaB, 0, kLumaR, kLumaG, kLumaB, 0);
    __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    if constexpr (Channels == 3)
        v = _mm_shuffle_epi8(v, _mm_setr_epi8(0, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9, 10, 11, 10, 11));
    return _mm_madd_epi16(_mm_xor_si128(v, _mm_set1_epi16(-32768)), weights);
}
template <int Channels>
inline __m128i luma_four(const uint16_t* p) {
    const __m128i sum = _mm_hadd_epi32(luma_two<Channels>(p), luma_two<Channels>(p + 2 * Channels));
    return _mm_srli_epi32(_mm_add_epi32(sum, _mm_set1_epi32((1 << 30) + (1 << (kLumaShift - 1)))), kLumaShift);
}
// All but a few of the last pixels, so that loads stay inside the row.
template <int Channels>
int64_t luma_eights(const uint16_t* in, uint16_t* out, int64_t n) {
    int64_t x = 0;
    for (; x + 9 <= n; x += 8) {
        const uint16_t* p = in + x * Channels;
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + x),
                         _mm_packus_epi32(luma_four<Channels>(p), luma_four<Channels>(p + 4 * Channels)));
    }
    return x;
}
#endif

#if defined(__AVX512BW__)
// Eight pixels: a sum of R and G, and one of B, for each.
template <int Channels>
inline __m512i luma_parts(const uint16_t* p) {
    const __m512i weights = _mm512_set1_epi64(int64_t{kLumaB} << 32 | kWeightsRG);
    __m512i v = _mm512_loadu_si512(p);
    if constexpr (Channels == 3) {
        alignas(64) static constexpr int16_t apart[] = {0,  1,  2,  2,  3,  4,  5,  5,  6,  7,  8,  8,  9,  10, 11, 11,
                                                        12, 13, 14, 14, 15, 16, 17, 17, 18, 19, 20, 20, 21, 22, 23, 23};
        v = _mm512_permutexvar_epi16(_mm512_load_si512(apart), v);
    }
    return _mm512_madd_epi16(_mm512_xor_si512(v, _mm512_set1_epi16(-32768)), weights);
}
template <int Channels>
inline __m256i luma_sixteen(const uint16_t* p) {
    const __m512i first = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i a = luma_parts<Channels>(p), b = luma_parts<Channels>(p + 8 * Channels);
    const __m512i sum =
        _mm512_add_epi32(_mm512_permutex2var_epi32(a, first, b),
                         _mm512_permutex2var_epi32(a, _mm512_add_epi32(first, _mm512_set1_epi32(1)), b));
    return _mm512_cvtepi32_epi16(
        _mm512_srli_epi32(_mm512_add_epi32(sum, _mm512_set1_epi32((1 << 30) + (1 << (kLumaShift - 1)))), kLumaShift));
}
#elif defined(__AVX2__)
// Pixels 0, 1 and 4, 5.
template <int Channels>
inline __m256i luma_parts(const uint16_t* p) {
    const __m256i weights = _mm256_set1_epi64x(int64_t{kLumaB} << 32 | kWeightsRG);
    __m256i v =
        _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(p + 4 * Channels), reinterpret_cast<const __m128i*>(p));
    if constexpr (Channels == 3)
        v = _mm256_shuffle_epi8(v, _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9, 10, 11, 10, 11, 0, 1, 2, 3, 4,
                                                    5, 4, 5, 6, 7, 8, 9, 10, 11, 10, 11));
    return _mm256_madd_epi16(_mm256_xor_si256(v, _mm256_set1_epi16(-32768)), weights);
}
template <int Channels>
inline __m256i luma_eight(const uint16_t* p) {
    const __m256i sum = _mm256_hadd_epi32(luma_parts<Channels>(p), luma_parts<Channels>(p + 2 * Channels));
    return _mm256_srli_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32((1 << 30) + (1 << (kLumaShift - 1)))), kLumaShift);
}
template <int Channels>
inline __m256i luma_sixteen(const uint16_t* p) {
    return _mm256_permute4x64_epi64(
        _mm256_packus_epi32(luma_eight<Channels>(p), luma_eight<Channels>(p + 8 * Channels)), 0xD8);
}
#endif
#if defined(__AVX2__)
// Loads reach fewer than three pixels beyond the last.
template <int Channels>
int64_t luma_sixteens(const uint16_t* in, uint16_t* out, int64_t n) {
    int64_t x = 0;
    for (; x + 19 <= n; x += 16)
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + x), luma_sixteen<Channels>(in + x * Channels));
    return x + luma_eights<Channels>(in + x * Channels, out + x, n - x);
}
#endif

void luma_u16(const void* input, int channels, void* output, int64_t n) {
    const uint16_t* in = static_cast<const uint16_t*>(input);
    uint16_t* out = static_cast<uint16_t*>(output);
    int64_t x = 0;
#if defined(__AVX2__)
    if (channels == 3) x = luma_sixteens<3>(in, out, n);
    if (channels == 4) x = luma_sixteens<4>(in, out, n);
#elif defined(IMGFILT_PAIRS)
    if (channels == 3) x = luma_eights<3>(in, out, n);
    if (channels == 4) x = luma_eights<4>(in, out, n);
#endif
    luma_integer(in + x * channels, channels, out + x, n - x);
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
