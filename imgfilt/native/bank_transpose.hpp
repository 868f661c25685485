// Matrices turned in squares of one vector by one vector.
#pragma once

#include "simd.hpp"

namespace {

template <int... I>
struct Lanes {};
template <int N, int... I>
struct LanesUpTo {
    typedef typename LanesUpTo<N - 1, N - 1, I...>::type type;
};
template <int... I>
struct LanesUpTo<0, I...> {
    typedef Lanes<I...> type;
};

// Exchanges the upper right of two rows with the lower left, in squares of `S` by `S`.
template <int S, class V, int... I>
inline void exchange(V& a, V& b, Lanes<I...>) {
    constexpr int lanes = sizeof...(I);
    const V first = __builtin_shufflevector(a, b, ((I & S) != 0 ? I - S + lanes : I)...);
    b = __builtin_shufflevector(a, b, ((I & S) != 0 ? I + lanes : I + S)...);
    a = first;
}

template <int S, int L, class V>
inline void turn_stage(V (&rows)[L]) {
#pragma GCC unroll 16
    for (int i = 0; i < L; ++i)
        if ((i & S) == 0) exchange<S>(rows[i], rows[i + S], typename LanesUpTo<L>::type{});
}

template <int L, class V>
inline void turn(V (&rows)[L]) {
    if constexpr (L > 8) turn_stage<8>(rows);
    if constexpr (L > 4) turn_stage<4>(rows);
    if constexpr (L > 2) turn_stage<2>(rows);
    turn_stage<1>(rows);
}

#if defined(__AVX512BW__)
// The same for 16 x 16 floats by instructions that need no table of places: pairs of rows are interleaved by one and by
// two elements, then quarters of registers change places twice.
inline void turn(Vec<float> (&rows)[16]) {
    __m512 a[16], b[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        a[i] = _mm512_unpacklo_ps((__m512)rows[i], (__m512)rows[i + 1]);
        a[i + 1] = _mm512_unpackhi_ps((__m512)rows[i], (__m512)rows[i + 1]);
    }
    const auto low = [](__m512 x, __m512 y) {
        return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(x), _mm512_castps_pd(y)));
    };
    const auto high = [](__m512 x, __m512 y) {
        return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(x), _mm512_castps_pd(y)));
    };
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        b[i] = low(a[i], a[i + 2]);
        b[i + 1] = high(a[i], a[i + 2]);
        b[i + 2] = low(a[i + 1], a[i + 3]);
        b[i + 3] = high(a[i + 1], a[i + 3]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        a[i] = _mm512_shuffle_f32x4(b[i], b[i + 4], 0x88);
        a[i + 4] = _mm512_shuffle_f32x4(b[i], b[i + 4], 0xdd);
        a[i + 8] = _mm512_shuffle_f32x4(b[i + 8], b[i + 12], 0x88);
        a[i + 12] = _mm512_shuffle_f32x4(b[i + 8], b[i + 12], 0xdd);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
        rows[i] = (Vec<float>)_mm512_shuffle_f32x4(a[i], a[i + 8], 0x88);
        rows[i + 8] = (Vec<float>)_mm512_shuffle_f32x4(a[i], a[i + 8], 0xdd);
    }
}
#endif

// The first n elements; the others are 0, or are left alone.
template <class T>
inline Vec<T> load_first(const T* p, int64_t n) {
#if defined(__AVX512BW__)
    if constexpr (sizeof(T) == 4)
        return (Vec<T>)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
    else
        return (Vec<T>)_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), p);
#else
    Vec<T> v{};
    for (int i = 0; i < VectorOf<T>::lanes; ++i) v[i] = i < n ? p[i] : T(0);
    return v;
#endif
}
template <class T>
inline void store_first(T* p, Vec<T> v, int64_t n) {
#if defined(__AVX512BW__)
    if constexpr (sizeof(T) == 4)
        _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), (__m512)v);
    else
        _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1), (__m512d)v);
#else
    for (int i = 0; i < VectorOf<T>::lanes; ++i)
        if (i < n) p[i] = v[i];
#endif
}

// out[j * out_row + i] = in[i * in_row + j] for i < rows, j < columns.
template <class T>
void transpose(const void* in_, int64_t in_row, int64_t rows, int64_t columns, void* out_, int64_t out_row) {
    constexpr int lanes = VectorOf<T>::lanes;
    const T* const in = static_cast<const T*>(in_);
    T* const out = static_cast<T*>(out_);
    for (int64_t i = 0; i < rows; i += lanes) {
        const int64_t high = rows - i < lanes ? rows - i : lanes;
        for (int64_t j = 0; j < columns; j += lanes) {
            const int64_t wide = columns - j < lanes ? columns - j : lanes;
            const T* from = in + i * in_row + j;
            T* to = out + j * out_row + i;
            Vec<T> square[lanes];
            if (high == lanes && wide == lanes) {
#pragma GCC unroll 16
                for (int k = 0; k < lanes; ++k) square[k] = load<Vec<T>>(from + k * in_row);
                turn(square);
#pragma GCC unroll 16
                for (int k = 0; k < lanes; ++k) store(to + k * out_row, square[k]);
            } else {
#pragma GCC unroll 16
                for (int k = 0; k < lanes; ++k) square[k] = k < high ? load_first(from + k * in_row, wide) : Vec<T>{};
                turn(square);
#pragma GCC unroll 16
                for (int k = 0; k < lanes; ++k)
                    if (k < wide) store_first(to + k * out_row, square[k], high);
            }
        }
    }
}

template <class T, int Count>
inline void interleave_rows(const void* const* rows, int64_t n, T* __restrict out) {
    for (int64_t i = 0; i < n; ++i)
#pragma GCC unroll 7
        for (int j = 0; j < Count; ++j) out[i * Count + j] = static_cast<const T*>(rows[j])[i];
}

// out[i * count + j] = rows[j][i] for i < n.
template <class T>
void interleave(const void* const* rows, int64_t count, int64_t n, void* out_) {
    T* const out = static_cast<T*>(out_);
    switch (count) {
        case 1: return interleave_rows<T, 1>(rows, n, out);
        case 2: return interleave_rows<T, 2>(rows, n, out);
        case 3: return interleave_rows<T, 3>(rows, n, out);
        case 4: return interleave_rows<T, 4>(rows, n, out);
        case 5: return interleave_rows<T, 5>(rows, n, out);
        case 7: return interleave_rows<T, 7>(rows, n, out);
        default:
            for (int64_t i = 0; i < n; ++i)
                for (int64_t j = 0; j < count; ++j) out[i * count + j] = static_cast<const T*>(rows[j])[i];
    }
}

}  // namespace
