// Rows of summed-area tables. Compiled once per instruction set.
#pragma once

#include "area_kernels.hpp"
#include "simd.hpp"

namespace {

typedef Vec<int32_t> Ints;
constexpr int kInts = VectorOf<int32_t>::lanes;

template <class T, int lanes>
struct VectorWith {
    typedef T type __attribute__((vector_size(lanes * sizeof(T))));
};

// result[i] = v[i - by], 0 where i < by.
template <int by>
inline Ints shift_up(Ints v) {
#if defined(__AVX512BW__)
    return (Ints)_mm512_alignr_epi32((__m512i)v, _mm512_setzero_si512(), 16 - by);
#elif defined(__AVX2__)
    const __m256i from = _mm256_setr_epi32(0 - by, 1 - by, 2 - by, 3 - by, 4 - by, 5 - by, 6 - by, 7 - by);
    const __m256i inside = _mm256_cmpgt_epi32(from, _mm256_set1_epi32(-1));
    return (Ints)_mm256_and_si256(_mm256_permutevar8x32_epi32((__m256i)v, from), inside);
#else
    Ints r = {};
    for (int i = by; i < kInts; ++i) r[i] = v[i - by];
    return r;
#endif
}

// A vector of elements as 32-bit integers. (GCC 12 converts vectors of unequal length one element at a time.)
#if defined(__AVX512BW__)
inline __m128i few(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
inline Ints widened(const uint8_t* p) { return (Ints)_mm512_cvtepu8_epi32(few(p)); }
inline __m256i half(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline Ints widened(const uint16_t* p) { return (Ints)_mm512_cvtepu16_epi32(half(p)); }
inline Ints widened(const int16_t* p) { return (Ints)_mm512_cvtepi16_epi32(half(p)); }
#elif defined(__AVX2__)
inline __m128i few(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
inline Ints widened(const uint8_t* p) {
    return (Ints)_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
inline Ints widened(const uint16_t* p) { return (Ints)_mm256_cvtepu16_epi32(few(p)); }
inline Ints widened(const int16_t* p) { return (Ints)_mm256_cvtepi16_epi32(few(p)); }
#elif defined(__SSE4_1__)
inline __m128i few(const void* p) { return _mm_loadl_epi64(static_cast<const __m128i*>(p)); }
inline Ints widened(const uint8_t* p) {
    return (Ints)_mm_cvtepu8_epi32(_mm_cvtsi32_si128(load<int32_t>(reinterpret_cast<const int32_t*>(p))));
}
inline Ints widened(const uint16_t* p) { return (Ints)_mm_cvtepu16_epi32(few(p)); }
inline Ints widened(const int16_t* p) { return (Ints)_mm_cvtepi16_epi32(few(p)); }
#else
template <class T>
inline Ints widened(const T* p) {
    Ints r;
    for (int i = 0; i < kInts; ++i) r[i] = p[i];
    return r;
}
#endif

// The sums so far that belong to the lanes of the next vector, or the one `later` lanes on: the last `channels` lanes,
// over and over.
template <int channels, int later = 0>
inline Ints last_lanes(Ints v) {
    Ints from;
    for (int i = 0; i < kInts; ++i) from[i] = kInts - channels + (i + later) % channels;
#if defined(__AVX512BW__)
    return (Ints)_mm512_permutexvar_epi32((__m512i)from, (__m512i)v);
#elif defined(__AVX2__)
    return (Ints)_mm256_permutevar8x32_epi32((__m256i)v, (__m256i)from);
#else
    Ints r;
    for (int i = 0; i < kInts; ++i) r[i] = v[from[i]];
    return r;
#endif
}

// v[i] becomes v[i] + v[i - channels] + v[i - 2 * channels] + ..
template <int channels>
inline Ints running(Ints v) {
    v += shift_up<channels>(v);
    if constexpr (2 * channels < kInts) v += shift_up<2 * channels>(v);
    if constexpr (4 * channels < kInts) v += shift_up<4 * channels>(v);
    if constexpr (8 * channels < kInts) v += shift_up<8 * channels>(v);
    return v;
}
#if !defined(__AVX2__)
template <>
inline Ints running<4>(Ints v) {
    return v;
}
#endif

#if defined(__AVX2__) && !defined(__AVX512BW__)
#define IMGFILT_SUMS_OF_BYTES 1
// running() of each 8 of 16 bytes, in 16 bits, which hold that many.
template <int channels>
inline __m256i running_bytes(__m128i bytes) {
    __m256i v = _mm256_cvtepu8_epi16(bytes);
    v = _mm256_add_epi16(v, _mm256_slli_si256(v, 2 * channels));
    if constexpr (2 * channels < 8) v = _mm256_add_epi16(v, _mm256_slli_si256(v, 4 * channels));
    if constexpr (4 * channels < 8) v = _mm256_add_epi16(v, _mm256_slli_si256(v, 8 * channels));
    return v;
}
inline Ints low_ints(__m256i v) { return (Ints)_mm256_cvtepu16_epi32(_mm256_castsi256_si128(v)); }
inline Ints high_ints(__m256i v) { return (Ints)_mm256_cvtepu16_epi32(_mm256_extracti128_si256(v, 1)); }
#endif

// Stores past the caches where `past` is an aligned address.
template <bool stream, class V, class A>
inline void put(A* past, V v) {
#if defined(__AVX512BW__)
    if constexpr (stream && sizeof v == 64) return _mm512_stream_si512(reinterpret_cast<__m512i*>(past), (__m512i)v);
#elif defined(__AVX2__)
    if constexpr (stream && sizeof v == 32) return _mm256_stream_si256(reinterpret_cast<__m256i*>(past), (__m256i)v);
#elif defined(__SSE2__)
    if constexpr (stream && sizeof v == 16) return _mm_stream_si128(reinterpret_cast<__m128i*>(past), (__m128i)v);
#endif
    store(past, v);
}

template <class T, class A>
struct Row {
    const T* in;
    A *above, *out;
    int64_t n;
};

// Elements first .. last - 1, one by one; sum[c] is channel c's so far.
template <class T, class A>
inline void one_by_one(const Row<T, A>& row, int channels, int64_t first, int64_t last, A* sum, bool keep) {
    for (int64_t x = first; x < last; ++x) {
        A& total = sum[channels == 1 ? 0 : x % channels];
        total += static_cast<A>(row.in[x]);
        const A value = row.above[x] + total;
        row.out[x] = value;
        if (keep) row.above[x] = value;
    }
}

// Integers whose sums along the row fit 32 bits: a vector at a time. `stream` also keeps the row in `above`.
template <class T, class A, int channels, bool stream>
void sum_vectors(const Row<T, A>& row) {
    constexpr int parts = sizeof(A) / 4;
    typedef typename VectorWith<int32_t, kInts / parts>::type Part;
    typedef Vec<A> Wide;
    A sum[channels] = {};
    // Up to an aligned address of the output.
    int64_t x = 0;
    if (stream) {
        const int64_t skew = static_cast<int64_t>(reinterpret_cast<uintptr_t>(row.out) % kVectorBytes);
        x = skew == 0 ? 0 : (kVectorBytes - skew) / static_cast<int64_t>(sizeof(A));
        x = x < row.n ? x : row.n;
        one_by_one(row, channels, 0, x, sum, stream);
    }
    Ints before;
    for (int i = 0; i < kInts; ++i) before[i] = static_cast<int32_t>(sum[(x + i) % channels]);
    const auto add_above = [&row](int64_t x, Ints v) __attribute__((always_inline)) {
        int32_t lanes[kInts];
        if constexpr (parts > 1) store(lanes, v);
        for (int i = 0; i < parts; ++i) {
            const int64_t at = x + i * (kInts / parts);
            Wide w;
            if constexpr (parts == 1)
                w = (Wide)v;
            else
                w = __builtin_convertvector(load<Part>(lanes + i * (kInts / parts)), Wide);
            w += load<Wide>(row.above + at);
            if constexpr (stream) store(row.above + at, w);
            put<stream>(row.out + at, w);
        }
    };
    if constexpr (channels == 3 && parts == 1) {
        // Of whole pixels, so that from one to the next three there is but an addition to wait for.
        Ints second, third;
        for (int i = 0; i < kInts; ++i) second[i] = before[(i + kInts) % 3], third[i] = before[(i + 2 * kInts) % 3];
        for (; x + 3 * kInts <= row.n; x += 3 * kInts) {
            __builtin_prefetch(row.in + x + 1024);
            Ints a, b, c;
#if defined(IMGFILT_SUMS_OF_BYTES)
            if constexpr (sizeof(T) == 1) {
                const __m256i ab = running_bytes<3>(few(row.in + x));
                a = low_ints(ab), b = high_ints(ab);
                c = low_ints(running_bytes<3>(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(row.in + x + 16))));
            } else
#endif
            {
                a = running<3>(widened(row.in + x));
                b = running<3>(widened(row.in + x + kInts));
                c = running<3>(widened(row.in + x + 2 * kInts));
            }
            b += last_lanes<3>(a);
            c += last_lanes<3>(b);
            add_above(x, a + before);
            add_above(x + kInts, b + second);
            add_above(x + 2 * kInts, c + third);
            before += last_lanes<3>(c);
            second += last_lanes<3, kInts>(c);
            third += last_lanes<3, 2 * kInts>(c);
        }
    }
#if defined(IMGFILT_SUMS_OF_BYTES)
    if constexpr (channels == 1 && sizeof(T) == 1)
        for (; x + 16 <= row.n; x += 16) {
            __builtin_prefetch(row.in + x + 1024);
            const __m256i sums = running_bytes<1>(few(row.in + x));
            const Ints low = low_ints(sums), high = high_ints(sums);
            add_above(x, low + before);
            before += last_lanes<1>(low);
            add_above(x + 8, high + before);
            before += last_lanes<1>(high);
        }
#endif
    for (; x + kInts <= row.n; x += kInts) {
        __builtin_prefetch(row.in + x + 1024);
        const Ints part = running<channels>(widened(row.in + x));
        const Ints v = part + before;
        if constexpr (kInts % channels == 0)
            before += last_lanes<channels>(part);
        else
            before = last_lanes<channels>(v);
        add_above(x, v);
    }
    for (int c = 0; c < channels; ++c) sum[(x + c) % channels] = static_cast<A>(before[c]);
    one_by_one(row, channels, x, row.n, sum, stream);
}

// One element after another, so that floats are added in the same order everywhere; `some` channels of them.
template <class T, class A, int some>
void sum_in_order(const Row<T, A>& row, int channels) {
    A sum[some] = {};
    const T* __restrict in = row.in;
    const A* __restrict above = row.above;
    A* __restrict out = row.out;
    for (int64_t x = 0; x < row.n; x += channels)
        for (int c = 0; c < some; ++c) {
            sum[c] += static_cast<A>(in[x + c]);
            out[x + c] = above[x + c] + sum[c];
        }
}

template <int Rows, int Channels>
struct Together {
    static constexpr int rows = Rows, channels = Channels;
};

// The same of several rows, one below the other: their sums are independent of each other while each element waits for
// the one before.
template <class T, class A, int rows, int some>
void sum_rows_in_order(const char* first, int64_t in_step, const A* above, char* to, int64_t out_step, int64_t n) {
    const T* in[rows];
    A* out[rows];
    A sum[rows][some] = {};
    for (int r = 0; r < rows; ++r) {
        in[r] = reinterpret_cast<const T*>(first + r * in_step);
        out[r] = reinterpret_cast<A*>(to + r * out_step);
    }
    for (int64_t x = 0; x < n; x += some)
        for (int c = 0; c < some; ++c) {
            A value = above[x + c];
#pragma GCC unroll 4
            for (int r = 0; r < rows; ++r) {
                sum[r][c] += static_cast<A>(in[r][x + c]);
                value += sum[r][c];
                out[r][x + c] = value;
            }
        }
}

template <class T>
constexpr int64_t kLargest = sizeof(T) == 1 ? 255 : 65535;

template <class T, class A, bool stream>
void sum_row(const Row<T, A>& row, int channels) {
    if constexpr (T(0.5) == T(0)) {
        if (row.n < (int64_t(1) << 31) / kLargest<T>) {
            if (channels == 1) return sum_vectors<T, A, 1, stream>(row);
            if (channels == 2) return sum_vectors<T, A, 2, stream>(row);
            if (channels == 3) return sum_vectors<T, A, 3, stream>(row);
            if (channels == 4) return sum_vectors<T, A, 4, stream>(row);
        }
    }
    if (channels == 1) {
        sum_in_order<T, A, 1>(row, channels);
    } else if (channels == 3) {
        sum_in_order<T, A, 3>(row, channels);
    } else {
        for (int c = 0; c < channels; ++c)
            sum_in_order<T, A, 1>({row.in + c, row.above + c, row.out + c, row.n - c}, channels);
    }
    if constexpr (stream) __builtin_memcpy(row.above, row.out, static_cast<size_t>(row.n) * sizeof(A));
}

template <class T, class A>
void integral_rows(const void* in, int64_t in_step, void* above, void* out, int64_t out_step, int64_t rows,
                   int channels, int64_t n, bool stream) {
    const char* from = static_cast<const char*>(in);
    char *to = static_cast<char*>(out), *before = static_cast<char*>(above);
    const int64_t first = channels * static_cast<int64_t>(sizeof(A));  // the pixel before the first
    const auto begin = [&](char* row) {
        for (int c = 0; c < channels; ++c) reinterpret_cast<A*>(row)[c] = 0;
        return row + first;
    };
    int64_t y = 0;
    const auto in_order = [&](auto some) {
        constexpr int each = decltype(some)::rows;
        for (; y + each <= rows; y += each) {
            for (int r = 0; r < each; ++r) begin(to + (y + r) * out_step);
            sum_rows_in_order<T, A, each, decltype(some)::channels>(from + y * in_step, in_step,
                                                                    reinterpret_cast<const A*>(before + first),
                                                                    to + y * out_step + first, out_step, n);
            before = to + (y + each - 1) * out_step;
        }
    };
    if constexpr (T(0.5) != T(0)) {
        if (channels == 1) in_order(Together<4, 1>{});
        if (channels == 3) in_order(Together<4, 3>{});
        if (channels == 4) in_order(Together<2, 4>{});
    }
    for (; y < rows; ++y) {
        char* target = to + y * out_step;
        const Row<T, A> row = {reinterpret_cast<const T*>(from + y * in_step), reinterpret_cast<A*>(before + first),
                               reinterpret_cast<A*>(begin(target)), n};
        if (stream)
            sum_row<T, A, true>(row, channels);
        else
            sum_row<T, A, false>(row, channels), before = target;
    }
}

template <class T, class A>
void add_row(const void* in_, void* sum_, int64_t n) {
    const T* in = static_cast<const T*>(in_);
    A* sum = static_cast<A*>(sum_);
    for (int64_t x = 0; x < n; ++x) sum[x] += static_cast<A>(in[x]);
}

// Makes streamed rows visible to other threads.
void finish_streams() {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

#define IMGFILT_EACH_SUM(f)                                                                              \
    {                                                                                                    \
        {f<uint8_t, int32_t>, f<uint8_t, int64_t>, f<uint8_t, double>},                                  \
            {f<uint16_t, int32_t>, f<uint16_t, int64_t>, f<uint16_t, double>},                           \
            {f<int16_t, int32_t>, f<int16_t, int64_t>, f<int16_t, double>}, {nullptr, nullptr, nullptr}, \
            {nullptr, nullptr, f<float, double>}, {nullptr, nullptr, f<double, double>}, {               \
            nullptr, nullptr, nullptr                                                                    \
        }                                                                                                \
    }

}  // namespace
