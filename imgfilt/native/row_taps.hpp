// Weighted sums of shifted rows: vertical, horizontal and dense taps are the same loop over pointers.
#pragma once

#include "row_kernels.hpp"
#include "simd.hpp"

namespace {

template <class In, class Acc>
inline Vec<Acc> load_as(const In* p) {
    if constexpr (sizeof(In) == sizeof(Acc)) {
        return load<Vec<Acc>>(p);
#if defined(IMGFILT_PAIRS)
    } else if constexpr (Same<Acc, float>::value) {
        return (Vec<Acc>)load_reals(p);
#endif
#if defined(__AVX512BW__)  // GCC makes four instructions of the conversion below
    } else if constexpr (Same<In, uint8_t>::value && Same<Acc, uint16_t>::value) {
        return (Vec<Acc>)_mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
#elif defined(__AVX2__)
    } else if constexpr (Same<In, uint8_t>::value && Same<Acc, uint16_t>::value) {
        return (Vec<Acc>)_mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#elif defined(__SSE4_1__)
    } else if constexpr (Same<In, uint8_t>::value && Same<Acc, uint16_t>::value) {
        return (Vec<Acc>)_mm_cvtepu8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
#endif
    } else {
        typedef In Narrow __attribute__((vector_size(VectorOf<Acc>::lanes * sizeof(In))));
        return __builtin_convertvector(load<Narrow>(p), Vec<Acc>);
    }
}

inline void fetch_line(imgfilt::Ahead& ahead) {
    __builtin_prefetch(ahead.at);
    ahead.at += ahead.at < ahead.end ? 64 : 0;
}
// So many cache lines of the image's next row, one of the output's. `next` is a loop's own copy, which its stores
// cannot change.
template <int Lines>
inline void fetch_lines(imgfilt::NextRows& next) {
    for (int i = 0; i < Lines; ++i) fetch_line(next.source);
    fetch_line(next.target);
}

// K values of an array in locals, or the array itself where K is 0.
template <class T, int K>
struct Few {
    T data[K];
    explicit Few(const T* from) {
        for (int i = 0; i < K; ++i) data[i] = from[i];
    }
};
template <class T>
struct Few<T, 0> {
    const T* data;
    explicit Few(const T* from) : data(from) {}
};

inline Vec<uint16_t> add_product(Vec<uint16_t> acc, Vec<uint16_t> x, uint16_t w) { return acc + x * w; }
inline Vec<float> add_product(Vec<float> acc, Vec<float> x, float w) { return fused(x, splat(w), acc); }
inline Vec<double> add_product(Vec<double> acc, Vec<double> x, double w) { return fused(x, splat(w), acc); }
inline uint16_t add_product(uint16_t acc, uint16_t x, uint16_t w) {
    return static_cast<uint16_t>(acc + static_cast<uint32_t>(x) * w);
}
inline float add_product(float acc, float x, float w) { return fused(x, w, acc); }
inline double add_product(double acc, double x, double w) { return fused(x, w, acc); }

// A long sum is made of sums of so many taps each: its rounding error grows with k / kRun + kRun instead of k.
constexpr int kRun = 32;

// B vectors of output at a time, so that the sums stay in registers whatever k is. The taps are unrolled.
template <class In, class Acc, int B, int K>
inline void taps_block(const In* const* p, const Acc* w, int, Acc init, Acc* out, int64_t x) {
    constexpr int lanes = VectorOf<Acc>::lanes;
    Vec<Acc> sum[B];
    for (int b = 0; b < B; ++b) sum[b] = splat(init);
#pragma GCC unroll 16
    for (int t = 0; t < K; ++t) {
        const In* row = p[t] + x;
#pragma GCC unroll 8
        for (int b = 0; b < B; ++b) sum[b] = add_product(sum[b], load_as<In, Acc>(row + b * lanes), w[t]);
    }
    for (int b = 0; b < B; ++b) store(out + x + b * lanes, sum[b]);
}

// The same for any k, in runs.
template <class In, class Acc, int B>
inline void taps_runs(const In* const* p, const Acc* w, int k, Acc init, Acc* out, int64_t x) {
    constexpr int lanes = VectorOf<Acc>::lanes;
    Vec<Acc> total[B];
    for (int b = 0; b < B; ++b) total[b] = splat(init);
    for (int first = 0; first < k; first += kRun) {
        const int last = k - first < kRun ? k : first + kRun;
        Vec<Acc> sum[B] = {};
        for (int t = first; t < last; ++t) {
            const In* row = p[t] + x;
#pragma GCC unroll 8
            for (int b = 0; b < B; ++b) sum[b] = add_product(sum[b], load_as<In, Acc>(row + b * lanes), w[t]);
        }
        for (int b = 0; b < B; ++b) total[b] += sum[b];
    }
    for (int b = 0; b < B; ++b) store(out + x + b * lanes, total[b]);
}

template <class In, class Acc, int B, int K>
inline void taps_at(const In* const* p, const Acc* w, int k, Acc init, Acc* out, int64_t x) {
    if constexpr (K > 0)
        taps_block<In, Acc, B, K>(p, w, k, init, out, x);
    else
        taps_runs<In, Acc, B>(p, w, k, init, out, x);
}

template <class In, class Acc, int B, int K>
void taps_rows(const In* const* pointers, const Acc* weights, int k, Acc init, Acc* out, int64_t n) {
    constexpr int lanes = VectorOf<Acc>::lanes;
    const Few<const In*, K> few_pointers(pointers);  // copies, which the stores below cannot change
    const Few<Acc, K> few_weights(weights);
    const In* const* p = few_pointers.data;
    const Acc* w = few_weights.data;
    int64_t x = 0;
    for (; x + B * lanes <= n; x += B * lanes) taps_at<In, Acc, B, K>(p, w, k, init, out, x);
    for (; x + lanes <= n; x += lanes) taps_at<In, Acc, 1, K>(p, w, k, init, out, x);
    if (x == n) return;
    if (n >= lanes) {  // the last, incomplete vector overlaps the one before
        taps_at<In, Acc, 1, K>(p, w, k, init, out, n - lanes);
        return;
    }
    for (; x < n; ++x) {  // narrower than a vector: the same sums, one element at a time
        Acc total = init;
        if constexpr (K > 0) {
            for (int t = 0; t < K; ++t) total = add_product(total, static_cast<Acc>(p[t][x]), w[t]);
        } else {
            for (int first = 0; first < k; first += kRun) {
                Acc sum = 0;
                for (int t = first; t < k && t < first + kRun; ++t)
                    sum = add_product(sum, static_cast<Acc>(p[t][x]), w[t]);
                total += sum;
            }
        }
        out[x] = total;
    }
}

template <class In, class Acc>
void taps(const In* const* p, const Acc* w, int k, Acc init, Acc* out, int64_t n) {
    switch (k) {
        case 1: return taps_rows<In, Acc, 4, 1>(p, w, k, init, out, n);
        case 2: return taps_rows<In, Acc, 4, 2>(p, w, k, init, out, n);
        case 3: return taps_rows<In, Acc, 4, 3>(p, w, k, init, out, n);
        case 4: return taps_rows<In, Acc, 4, 4>(p, w, k, init, out, n);
        case 5: return taps_rows<In, Acc, 4, 5>(p, w, k, init, out, n);
        case 6: return taps_rows<In, Acc, 4, 6>(p, w, k, init, out, n);
        case 7: return taps_rows<In, Acc, 4, 7>(p, w, k, init, out, n);
        case 8: return taps_rows<In, Acc, 4, 8>(p, w, k, init, out, n);
        case 9: return taps_rows<In, Acc, 4, 9>(p, w, k, init, out, n);
        default: return taps_rows<In, Acc, kVectorBytes == 64 ? 8 : 4, 0>(p, w, k, init, out, n);
    }
}

// For long sums, whose elements are converted on the way.
template <class In, class Acc>
void taps_widened(const In* const* p, const Acc* w, int k, Acc init, Acc* out, int64_t n) {
    taps_rows<In, Acc, kVectorBytes == 64 ? 8 : 4, 0>(p, w, k, init, out, n);
}

// Short ones too.
inline void taps_u16_f32(const uint16_t* const* p, const float* w, int k, float init, float* out, int64_t n) {
    switch (k) {
        case 2: return taps_rows<uint16_t, float, 4, 2>(p, w, k, init, out, n);
        case 3: return taps_rows<uint16_t, float, 4, 3>(p, w, k, init, out, n);
        case 5: return taps_rows<uint16_t, float, 4, 5>(p, w, k, init, out, n);
        default: return taps_widened<uint16_t, float>(p, w, k, init, out, n);
    }
}

}  // namespace
