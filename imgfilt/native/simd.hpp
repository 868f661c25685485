// The few vector operations that the compiler does not find by itself. Included only by files that are
// compiled once per instruction set; everything has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace {

// What <type_traits> would give, with internal linkage.
template <bool Choice, class A, class B>
struct Pick {
    typedef A type;
};
template <class A, class B>
struct Pick<false, A, B> {
    typedef B type;
};
template <class A, class B>
struct Same {
    static constexpr bool value = false;
};
template <class A>
struct Same<A, A> {
    static constexpr bool value = true;
};

#if defined(__AVX512BW__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

// A vector of T that fills one register; arithmetic on it is element by element.
template <class T>
struct VectorOf {
    typedef T type __attribute__((vector_size(kVectorBytes)));
    static constexpr int lanes = kVectorBytes / static_cast<int>(sizeof(T));
};
template <class T>
using Vec = typename VectorOf<T>::type;

template <class V, class T>
inline V load(const T* p) {
    V v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
template <class T, class V>
inline void store(T* p, V v) {
    std::memcpy(p, &v, sizeof v);
}

// (Of floats 0 - v would change the sign of 0, and v + 0 costs an addition.)
template <class T>
inline Vec<T> splat(T v) {
    return v - Vec<T>{};
}

// a * b + c with one rounding where the instruction set has it, with two where not.
inline float fused(float a, float b, float c) {
#if defined(__FMA__) || defined(__aarch64__)
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}
inline double fused(double a, double b, double c) {
#if defined(__FMA__) || defined(__aarch64__)
    return __builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
}

#if defined(__AVX512BW__)
inline Vec<float> fused(Vec<float> a, Vec<float> b, Vec<float> c) {
    return (Vec<float>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
inline Vec<double> fused(Vec<double> a, Vec<double> b, Vec<double> c) {
    return (Vec<double>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}
#elif defined(__FMA__)
inline Vec<float> fused(Vec<float> a, Vec<float> b, Vec<float> c) {
    return (Vec<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
inline Vec<double> fused(Vec<double> a, Vec<double> b, Vec<double> c) {
    return (Vec<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
#elif defined(__aarch64__)
inline Vec<float> fused(Vec<float> a, Vec<float> b, Vec<float> c) {
    for (int i = 0; i < 4; ++i) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
}
inline Vec<double> fused(Vec<double> a, Vec<double> b, Vec<double> c) {
    for (int i = 0; i < 2; ++i) c[i] = __builtin_fma(a[i], b[i], c[i]);
    return c;
}
#else
inline Vec<float> fused(Vec<float> a, Vec<float> b, Vec<float> c) { return a * b + c; }
inline Vec<double> fused(Vec<double> a, Vec<double> b, Vec<double> c) { return a * b + c; }
#endif

// Whether any element is NaN.
#if defined(__AVX512BW__)
inline bool has_nan(Vec<float> v) { return _mm512_cmp_ps_mask((__m512)v, (__m512)v, _CMP_UNORD_Q) != 0; }
inline bool has_nan(Vec<double> v) { return _mm512_cmp_pd_mask((__m512d)v, (__m512d)v, _CMP_UNORD_Q) != 0; }
#elif defined(__AVX2__)
inline bool has_nan(Vec<float> v) { return _mm256_movemask_ps(_mm256_cmp_ps((__m256)v, (__m256)v, _CMP_UNORD_Q)) != 0; }
inline bool has_nan(Vec<double> v) {
    return _mm256_movemask_pd(_mm256_cmp_pd((__m256d)v, (__m256d)v, _CMP_UNORD_Q)) != 0;
}
#else
template <class V>
inline bool has_nan(V v) {
    bool found = false;
    for (int i = 0; i < static_cast<int>(sizeof(V) / sizeof(v[0])); ++i) found |= v[i] != v[i];
    return found;
}
#endif

// 16-bit pairs. `interleave` puts a[i], b[i] side by side (in two registers, in an order that `pack` and
// `in_order` undo); `multiply_add` is a[2i] * b[2i] + a[2i + 1] * b[2i + 1] in 32 bits. The same with bytes, those of a
// unsigned, those of w signed, in 16 bits.
#if defined(__AVX512BW__)
#define IMGFILT_PAIRS 1
typedef __m512i Pairs;
inline Pairs load_pairs(const int16_t* p) { return _mm512_loadu_si512(p); }
inline Pairs splat32(int32_t v) { return _mm512_set1_epi32(v); }
inline Pairs interleave_low(Pairs a, Pairs b) { return _mm512_unpacklo_epi16(a, b); }
inline Pairs interleave_high(Pairs a, Pairs b) { return _mm512_unpackhi_epi16(a, b); }
inline Pairs multiply_add(Pairs a, Pairs b) { return _mm512_madd_epi16(a, b); }
inline Pairs add32(Pairs a, Pairs b) { return _mm512_add_epi32(a, b); }
inline Pairs load_bytes(const uint8_t* p) { return _mm512_loadu_si512(p); }
inline Pairs splat16(int16_t v) { return _mm512_set1_epi16(v); }
inline Pairs interleave_bytes_low(Pairs a, Pairs b) { return _mm512_unpacklo_epi8(a, b); }
inline Pairs interleave_bytes_high(Pairs a, Pairs b) { return _mm512_unpackhi_epi8(a, b); }
inline Pairs multiply_add_bytes(Pairs a, Pairs w) { return _mm512_maddubs_epi16(a, w); }
inline Pairs add16(Pairs a, Pairs b) { return _mm512_add_epi16(a, b); }
inline Pairs pack_u8(Pairs low, Pairs high) { return _mm512_packus_epi16(low, high); }
inline Pairs shift_right32(Pairs a, int n) { return _mm512_sra_epi32(a, _mm_cvtsi32_si128(n)); }
inline Pairs pack_i16(Pairs low, Pairs high) { return _mm512_packs_epi32(low, high); }
inline Pairs interleave32_low(Pairs a, Pairs b) { return _mm512_unpacklo_epi32(a, b); }
inline Pairs interleave32_high(Pairs a, Pairs b) { return _mm512_unpackhi_epi32(a, b); }
inline Pairs high_halves(Pairs even, Pairs odd) {
    return _mm512_mask_blend_epi16(0xAAAAAAAA, _mm512_srli_epi32(even, 16), odd);
}
inline void store_u8(uint8_t* out, Pairs a, Pairs b) {
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    _mm512_storeu_si512(out, _mm512_permutexvar_epi64(order, _mm512_packus_epi16(a, b)));
}
// A register of 16 bits to 8.
inline void store_half_u8(uint8_t* out, Pairs v) {
    const __m512i positive = _mm512_max_epi16(v, _mm512_setzero_si512());
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtusepi16_epi8(positive));
}
inline void store_in_order(int32_t* out, Pairs low, Pairs high) {
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    _mm512_storeu_si512(out, _mm512_permutex2var_epi64(low, first, high));
    _mm512_storeu_si512(out + 16, _mm512_permutex2var_epi64(low, second, high));
}
// round(scale * sqrt(v)) of non-negative 32-bit integers
inline Pairs root(Pairs v, float scale) {
    return _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_sqrt_ps(_mm512_cvtepi32_ps(v)), _mm512_set1_ps(scale)));
}
// The same to 255 and beyond, scale 1, of two registers: one by the square root's unit, one by an estimate of 14 bits
// and a Newton step in the others. Right to 2^-22 or better, while the root of an integer below 256^2 is at least 2^-19
// of itself from a half (n^2 + n and n^2 + n + 1 are the nearest), so both round alike. The estimate of 0 is infinite
// and ends as NaN, the lowest integer, and 0 once saturated to 8 bits.
inline void roots_u8(Pairs& a, Pairs& b) {
    const __m512 x = _mm512_cvtepi32_ps(b), r = _mm512_rsqrt14_ps(x), y = _mm512_mul_ps(x, r);
    const __m512 rest = _mm512_fnmadd_ps(y, y, x), half = _mm512_mul_ps(r, _mm512_set1_ps(0.5f));
    a = _mm512_cvtps_epi32(_mm512_sqrt_ps(_mm512_cvtepi32_ps(a)));
    b = _mm512_cvtps_epi32(_mm512_fmadd_ps(rest, half, y));
}
typedef __m512 Reals;
inline Reals load_reals(const uint8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
inline Reals load_reals(const int16_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
}
inline Reals load_reals(const uint16_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
}
inline Reals load_reals(const int32_t* p) { return _mm512_cvtepi32_ps(_mm512_loadu_si512(p)); }
inline Reals load_reals(const float* p) { return _mm512_loadu_ps(p); }
inline Reals reals_of(Pairs v) { return _mm512_cvtepi32_ps(v); }
inline Vec<uint16_t> multiply_high(Vec<uint16_t> a, Vec<uint16_t> b) {
    return (Vec<uint16_t>)_mm512_mulhi_epu16((__m512i)a, (__m512i)b);
}
// Two registers of 32 bits, none negative, to 16 bits.
inline void store_u16(uint16_t* out, Pairs a, Pairs b) {
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    _mm512_storeu_si512(out, _mm512_permutexvar_epi64(order, _mm512_packus_epi32(a, b)));
}
inline Reals affine(Reals v, float scale, float bias) {
    return _mm512_add_ps(_mm512_mul_ps(v, _mm512_set1_ps(scale)), _mm512_set1_ps(bias));
}
inline Reals clamp_reals(Reals v, float low, float high) {
    return _mm512_min_ps(_mm512_max_ps(v, _mm512_set1_ps(low)), _mm512_set1_ps(high));
}
inline Pairs nearest_i32(Reals v) { return _mm512_cvtps_epi32(v); }
// v * scale + bias in 53 bits, to the nearest in low .. high.
inline Pairs nearest_wide(Pairs v, double scale, double bias, double low, double high) {
    const auto half = [&](__m256i part) {
        const __m512d r = _mm512_cvtepi32_pd(part) * _mm512_set1_pd(scale) + _mm512_set1_pd(bias);
        return _mm512_cvtpd_epi32(_mm512_min_pd(_mm512_max_pd(r, _mm512_set1_pd(low)), _mm512_set1_pd(high)));
    };
    const __m256i first = half(_mm512_castsi512_si256(v)), second = half(_mm512_extracti64x4_epi64(v, 1));
    return _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
}
// v * scale in 53 bits, to the nearest.
inline Pairs nearest_wide(Pairs v, double scale) {
    const auto half = [&](__m256i part) {
        return _mm512_cvtpd_epi32(_mm512_cvtepi32_pd(part) * _mm512_set1_pd(scale));
    };
    const __m256i first = half(_mm512_castsi512_si256(v)), second = half(_mm512_extracti64x4_epi64(v, 1));
    return _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
}
inline Reals roots(Reals v) { return _mm512_sqrt_ps(v); }
inline Pairs truncate_i32(Reals v) { return _mm512_cvttps_epi32(v); }
// Four registers of 32 bits, in order, to 8 bits.
inline void store_u8(uint8_t* out, Pairs a, Pairs b, Pairs c, Pairs d) {
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i bytes = _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
    _mm512_storeu_si512(out, _mm512_permutexvar_epi32(order, bytes));
}
#elif defined(__AVX2__)
#define IMGFILT_PAIRS 1
typedef __m256i Pairs;
inline Pairs load_pairs(const int16_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
inline Pairs splat32(int32_t v) { return _mm256_set1_epi32(v); }
inline Pairs interleave_low(Pairs a, Pairs b) { return _mm256_unpacklo_epi16(a, b); }
inline Pairs interleave_high(Pairs a, Pairs b) { return _mm256_unpackhi_epi16(a, b); }
inline Pairs multiply_add(Pairs a, Pairs b) { return _mm256_madd_epi16(a, b); }
inline Pairs add32(Pairs a, Pairs b) { return _mm256_add_epi32(a, b); }
inline Pairs load_bytes(const uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
inline Pairs splat16(int16_t v) { return _mm256_set1_epi16(v); }
inline Pairs interleave_bytes_low(Pairs a, Pairs b) { return _mm256_unpacklo_epi8(a, b); }
inline Pairs interleave_bytes_high(Pairs a, Pairs b) { return _mm256_unpackhi_epi8(a, b); }
inline Pairs multiply_add_bytes(Pairs a, Pairs w) { return _mm256_maddubs_epi16(a, w); }
inline Pairs add16(Pairs a, Pairs b) { return _mm256_add_epi16(a, b); }
inline Pairs pack_u8(Pairs low, Pairs high) { return _mm256_packus_epi16(low, high); }
inline Pairs shift_right32(Pairs a, int n) { return _mm256_sra_epi32(a, _mm_cvtsi32_si128(n)); }
inline Pairs pack_i16(Pairs low, Pairs high) { return _mm256_packs_epi32(low, high); }
inline Pairs interleave32_low(Pairs a, Pairs b) { return _mm256_unpacklo_epi32(a, b); }
inline Pairs interleave32_high(Pairs a, Pairs b) { return _mm256_unpackhi_epi32(a, b); }
inline Pairs high_halves(Pairs even, Pairs odd) { return _mm256_blend_epi16(_mm256_srli_epi32(even, 16), odd, 0xAA); }
inline void store_u8(uint8_t* out, Pairs a, Pairs b) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permute4x64_epi64(_mm256_packus_epi16(a, b), 0xD8));
}
inline void store_half_u8(uint8_t* out, Pairs v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                     _mm_packus_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
}
inline void store_in_order(int32_t* out, Pairs low, Pairs high) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permute2x128_si256(low, high, 0x20));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 8), _mm256_permute2x128_si256(low, high, 0x31));
}
inline Pairs root(Pairs v, float scale) {
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_sqrt_ps(_mm256_cvtepi32_ps(v)), _mm256_set1_ps(scale)));
}
// The estimate here has 1.5 * 2^-12: a Newton step leaves 2^-22.
inline Pairs root_u8(Pairs v) {
    const __m256 x = _mm256_cvtepi32_ps(v), r = _mm256_rsqrt_ps(x), y = _mm256_mul_ps(x, r);
    const __m256 rest = _mm256_fnmadd_ps(y, y, x), half = _mm256_mul_ps(r, _mm256_set1_ps(0.5f));
    return _mm256_cvtps_epi32(_mm256_fmadd_ps(rest, half, y));
}
inline void roots_u8(Pairs& a, Pairs& b) {
    a = _mm256_cvtps_epi32(_mm256_sqrt_ps(_mm256_cvtepi32_ps(a)));
    b = root_u8(b);
}
typedef __m256 Reals;
inline Reals load_reals(const uint8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
inline Reals load_reals(const int16_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
inline Reals load_reals(const uint16_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
inline Reals load_reals(const int32_t* p) {
    return _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline Reals load_reals(const float* p) { return _mm256_loadu_ps(p); }
inline Reals reals_of(Pairs v) { return _mm256_cvtepi32_ps(v); }
inline Vec<uint16_t> multiply_high(Vec<uint16_t> a, Vec<uint16_t> b) {
    return (Vec<uint16_t>)_mm256_mulhi_epu16((__m256i)a, (__m256i)b);
}
inline void store_u16(uint16_t* out, Pairs a, Pairs b) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permute4x64_epi64(_mm256_packus_epi32(a, b), 0xD8));
}
inline Reals affine(Reals v, float scale, float bias) {
    return _mm256_add_ps(_mm256_mul_ps(v, _mm256_set1_ps(scale)), _mm256_set1_ps(bias));
}
inline Reals clamp_reals(Reals v, float low, float high) {
    return _mm256_min_ps(_mm256_max_ps(v, _mm256_set1_ps(low)), _mm256_set1_ps(high));
}
inline Pairs nearest_i32(Reals v) { return _mm256_cvtps_epi32(v); }
inline Pairs nearest_wide(Pairs v, double scale, double bias, double low, double high) {
    const auto half = [&](__m128i part) {
        const __m256d r = _mm256_cvtepi32_pd(part) * _mm256_set1_pd(scale) + _mm256_set1_pd(bias);
        return _mm256_cvtpd_epi32(_mm256_min_pd(_mm256_max_pd(r, _mm256_set1_pd(low)), _mm256_set1_pd(high)));
    };
    return _mm256_set_m128i(half(_mm256_extracti128_si256(v, 1)), half(_mm256_castsi256_si128(v)));
}
inline Pairs nearest_wide(Pairs v, double scale) {
    const auto half = [&](__m128i part) {
        return _mm256_cvtpd_epi32(_mm256_cvtepi32_pd(part) * _mm256_set1_pd(scale));
    };
    return _mm256_set_m128i(half(_mm256_extracti128_si256(v, 1)), half(_mm256_castsi256_si128(v)));
}
inline Reals roots(Reals v) { return _mm256_sqrt_ps(v); }
inline Pairs truncate_i32(Reals v) { return _mm256_cvttps_epi32(v); }
inline void store_u8(uint8_t* out, Pairs a, Pairs b, Pairs c, Pairs d) {
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permutevar8x32_epi32(bytes, order));
}
#elif defined(__SSE4_1__)
#define IMGFILT_PAIRS 1
typedef __m128i Pairs;
inline Pairs load_pairs(const int16_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
inline Pairs splat32(int32_t v) { return _mm_set1_epi32(v); }
inline Pairs interleave_low(Pairs a, Pairs b) { return _mm_unpacklo_epi16(a, b); }
inline Pairs interleave_high(Pairs a, Pairs b) { return _mm_unpackhi_epi16(a, b); }
inline Pairs multiply_add(Pairs a, Pairs b) { return _mm_madd_epi16(a, b); }
inline Pairs add32(Pairs a, Pairs b) { return _mm_add_epi32(a, b); }
inline Pairs load_bytes(const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
inline Pairs splat16(int16_t v) { return _mm_set1_epi16(v); }
inline Pairs interleave_bytes_low(Pairs a, Pairs b) { return _mm_unpacklo_epi8(a, b); }
inline Pairs interleave_bytes_high(Pairs a, Pairs b) { return _mm_unpackhi_epi8(a, b); }
inline Pairs multiply_add_bytes(Pairs a, Pairs w) { return _mm_maddubs_epi16(a, w); }
inline Pairs add16(Pairs a, Pairs b) { return _mm_add_epi16(a, b); }
inline Pairs pack_u8(Pairs low, Pairs high) { return _mm_packus_epi16(low, high); }
inline Pairs shift_right32(Pairs a, int n) { return _mm_sra_epi32(a, _mm_cvtsi32_si128(n)); }
inline Pairs pack_i16(Pairs low, Pairs high) { return _mm_packs_epi32(low, high); }
inline Pairs interleave32_low(Pairs a, Pairs b) { return _mm_unpacklo_epi32(a, b); }
inline Pairs interleave32_high(Pairs a, Pairs b) { return _mm_unpackhi_epi32(a, b); }
inline Pairs high_halves(Pairs even, Pairs odd) { return _mm_blend_epi16(_mm_srli_epi32(even, 16), odd, 0xAA); }
inline void store_u8(uint8_t* out, Pairs a, Pairs b) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(a, b));
}
inline void store_half_u8(uint8_t* out, Pairs v) {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(v, v));
}
inline void store_in_order(int32_t* out, Pairs low, Pairs high) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), low);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 4), high);
}
inline Pairs root(Pairs v, float scale) {
    return _mm_cvtps_epi32(_mm_mul_ps(_mm_sqrt_ps(_mm_cvtepi32_ps(v)), _mm_set1_ps(scale)));
}
inline void roots_u8(Pairs& a, Pairs& b) {
    a = _mm_cvtps_epi32(_mm_sqrt_ps(_mm_cvtepi32_ps(a)));
    b = _mm_cvtps_epi32(_mm_sqrt_ps(_mm_cvtepi32_ps(b)));
}
typedef __m128 Reals;
inline Reals load_reals(const uint8_t* p) {
    int32_t four;
    std::memcpy(&four, p, sizeof four);
    return _mm_cvtepi32_ps(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four)));
}
inline Reals load_reals(const int16_t* p) {
    return _mm_cvtepi32_ps(_mm_cvtepi16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
inline Reals load_reals(const uint16_t* p) {
    return _mm_cvtepi32_ps(_mm_cvtepu16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
inline Reals load_reals(const int32_t* p) {
    return _mm_cvtepi32_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline Reals load_reals(const float* p) { return _mm_loadu_ps(p); }
inline Reals reals_of(Pairs v) { return _mm_cvtepi32_ps(v); }
inline Vec<uint16_t> multiply_high(Vec<uint16_t> a, Vec<uint16_t> b) {
    return (Vec<uint16_t>)_mm_mulhi_epu16((__m128i)a, (__m128i)b);
}
inline void store_u16(uint16_t* out, Pairs a, Pairs b) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_packus_epi32(a, b));
}
inline Reals affine(Reals v, float scale, float bias) {
    return _mm_add_ps(_mm_mul_ps(v, _mm_set1_ps(scale)), _mm_set1_ps(bias));
}
inline Reals clamp_reals(Reals v, float low, float high) {
    return _mm_min_ps(_mm_max_ps(v, _mm_set1_ps(low)), _mm_set1_ps(high));
}
inline Pairs nearest_i32(Reals v) { return _mm_cvtps_epi32(v); }
inline Pairs nearest_wide(Pairs v, double scale, double bias, double low, double high) {
    const auto half = [&](__m128i part) {
        const __m128d r = _mm_cvtepi32_pd(part) * _mm_set1_pd(scale) + _mm_set1_pd(bias);
        return _mm_cvtpd_epi32(_mm_min_pd(_mm_max_pd(r, _mm_set1_pd(low)), _mm_set1_pd(high)));
    };
    return _mm_unpacklo_epi64(half(v), half(_mm_unpackhi_epi64(v, v)));
}
inline Pairs nearest_wide(Pairs v, double scale) {
    const auto half = [&](__m128i part) { return _mm_cvtpd_epi32(_mm_cvtepi32_pd(part) * _mm_set1_pd(scale)); };
    return _mm_unpacklo_epi64(half(v), half(_mm_unpackhi_epi64(v, v)));
}
inline Reals roots(Reals v) { return _mm_sqrt_ps(v); }
inline Pairs truncate_i32(Reals v) { return _mm_cvttps_epi32(v); }
inline void store_u8(uint8_t* out, Pairs a, Pairs b, Pairs c, Pairs d) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_packus_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d)));
}
#endif

#if defined(IMGFILT_PAIRS)
constexpr int kPairLanes = kVectorBytes / 2;  // 16-bit elements in a register
#endif

}  // namespace
