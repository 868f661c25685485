// Weighted sums of shifted rows: vertical, horizontal and dense taps are the same loop over pointers.
#pragma once

#include "simd.hpp"

namespace {

template <class In, class Acc>
inline Vec<Acc> load_as(const In* p) {
    if constexpr (sizeof(In) == sizeof(Acc)) {
        return load<Vec<Acc>>(p);
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
inline Vec<float> add_product(Vec<float> acc, Vec<float> x, float w) { return fused(x, Vec<float>{} + w, acc); }
inline Vec<double> add_product(Vec<double> acc, Vec<double> x, double w) { return fused(x, Vec<double>{} + w, acc); }
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
    for (int b = 0; b < B; ++b) sum[b] = Vec<Acc>{} + init;
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
    for (int b = 0; b < B; ++b) total[b] = Vec<Acc>{} + init;
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
        case 5: return taps_rows<In, Acc, 4, 5>(p, w, k, init, out, n);
        case 6: return taps_rows<In, Acc, 4, 6>(p, w, k, init, out, n);
        case 7: return taps_rows<In, Acc, 4, 7>(p, w, k, init, out, n);
        case 9: return taps_rows<In, Acc, 4, 9>(p, w, k, init, out, n);
        default: return taps_rows<In, Acc, kVectorBytes == 64 ? 8 : 4, 0>(p, w, k, init, out, n);
    }
}

// Sums whose weights are known to the compiler: the small ones of derivatives and binomials, without multiplying.
template <int W, class V>
inline V add_times(V acc, V x) {
    if constexpr (W == 2) return acc + x + x;
    if constexpr (W == 1) return acc + x;
    if constexpr (W == -1) return acc - x;
    if constexpr (W == -2) return acc - x - x;
}

template <class In, int... W>
struct Fixed {
    static constexpr int count = sizeof...(W);
    const In* p[count];

    explicit Fixed(const In* const* from) {
        for (int t = 0; t < count; ++t) p[t] = from[t];
    }
    static bool fits(const int16_t* w, int k) {
        constexpr int16_t own[] = {W...};
        if (k != count) return false;
        for (int t = 0; t < count; ++t)
            if (w[t] != own[t]) return false;
        return true;
    }
    Vec<uint16_t> vector(int64_t x) const {
        Vec<uint16_t> sum = {};
        int t = 0;
        ((sum = add_times<W>(sum, load_as<In, uint16_t>(p[t++] + x))), ...);
        return sum;
    }
    uint16_t one(int64_t x) const {
        uint32_t sum = 0;
        int t = 0;
        ((sum = add_times<W>(sum, uint32_t{p[t++][x]})), ...);
        return static_cast<uint16_t>(sum);
    }
};

template <class Sum>
void sum_row(const Sum& sum, uint16_t* out, int64_t n) {
    constexpr int lanes = VectorOf<uint16_t>::lanes;
    int64_t x = 0;
#pragma GCC unroll 4
    for (; x + lanes <= n; x += lanes) store(out + x, sum.vector(x));
    if (x < n && n >= lanes) return store(out + n - lanes, sum.vector(n - lanes));
    for (; x < n; ++x) out[x] = sum.one(x);
}

template <class In, int... W>
bool fixed_taps(const In* const* p, const int16_t* w, int k, uint16_t* out, int64_t n) {
    typedef Fixed<In, W...> Sum;
    if (!Sum::fits(w, k)) return false;
    sum_row(Sum(p), out, n);
    return true;
}

template <class In>
bool known_taps(const In* const* p, const int16_t* w, int k, uint16_t* out, int64_t n) {
    return fixed_taps<In, 1, -1>(p, w, k, out, n) || fixed_taps<In, -1, 1>(p, w, k, out, n) ||
           fixed_taps<In, 1, 2, 1>(p, w, k, out, n) || fixed_taps<In, 1, 1, 1>(p, w, k, out, n) ||
           fixed_taps<In, -1, -2, -1>(p, w, k, out, n) || fixed_taps<In, -1, -1, -1>(p, w, k, out, n);
}

// 16-bit sums are modulo 2^16: unsigned arithmetic on the same bits.
void taps_u8_i16(const uint8_t* const* p, const int16_t* w, int k, int16_t init, int16_t* out, int64_t n) {
    if (init == 0 && known_taps(p, w, k, reinterpret_cast<uint16_t*>(out), n)) return;
    taps<uint8_t, uint16_t>(p, reinterpret_cast<const uint16_t*>(w), k, static_cast<uint16_t>(init),
                            reinterpret_cast<uint16_t*>(out), n);
}
void taps_i16_i16(const int16_t* const* p, const int16_t* w, int k, int16_t init, int16_t* out, int64_t n) {
    const auto q = reinterpret_cast<const uint16_t* const*>(p);
    if (init == 0 && known_taps(q, w, k, reinterpret_cast<uint16_t*>(out), n)) return;
    taps<uint16_t, uint16_t>(q, reinterpret_cast<const uint16_t*>(w), k, static_cast<uint16_t>(init),
                             reinterpret_cast<uint16_t*>(out), n);
}

// Narrow sums to 8 bits: the 16-bit sum, known to lie in 0 .. 65535 and below 256 once shifted right.
template <int K>
inline Vec<uint16_t> sum_u16(const uint16_t* const* p, const uint16_t* w, int k, uint16_t init, int64_t x) {
    const int count = K > 0 ? K : k;
    Vec<uint16_t> sum = Vec<uint16_t>{} + init;
#pragma GCC unroll 16
    for (int t = 0; t < count; ++t) sum = add_product(sum, load<Vec<uint16_t>>(p[t] + x), w[t]);
    return sum;
}

inline void store_narrow(uint8_t* out, Vec<uint16_t> a, Vec<uint16_t> b) {
#if defined(IMGFILT_PAIRS)
    store_u8(out, (Pairs)a, (Pairs)b);
#else
    typedef uint8_t Half __attribute__((vector_size(kVectorBytes / 2)));
    store(out, __builtin_convertvector(a, Half));
    store(out + VectorOf<uint16_t>::lanes, __builtin_convertvector(b, Half));
#endif
}

template <int K>
void narrow_row(const uint16_t* const* pointers, const uint16_t* weights, int k, uint16_t init, int shift, uint8_t* out,
                int64_t n) {
    constexpr int lanes = VectorOf<uint16_t>::lanes;
    const Few<const uint16_t*, K> few_pointers(pointers);
    const Few<uint16_t, K> few_weights(weights);
    const uint16_t* const* p = few_pointers.data;
    const uint16_t* w = few_weights.data;
    auto at = [&](int64_t x) {
        store_narrow(out + x, sum_u16<K>(p, w, k, init, x) >> shift, sum_u16<K>(p, w, k, init, x + lanes) >> shift);
    };
    if (n >= 2 * lanes) {
        int64_t x = 0;
        for (; x + 2 * lanes <= n; x += 2 * lanes) at(x);
        if (x < n) at(n - 2 * lanes);
        return;
    }
    for (int64_t x = 0; x < n; ++x) {
        uint16_t sum = init;
        for (int t = 0; t < k; ++t) sum = add_product(sum, p[t][x], w[t]);
        out[x] = static_cast<uint8_t>(sum >> shift);
    }
}

void taps_narrow_u8(const int16_t* const* signed_p, const int16_t* signed_w, int k, int16_t init, int shift,
                    uint8_t* out, int64_t n) {
    const auto p = reinterpret_cast<const uint16_t* const*>(signed_p);
    const auto w = reinterpret_cast<const uint16_t*>(signed_w);
    const auto i = static_cast<uint16_t>(init);
    switch (k) {
        case 3: return narrow_row<3>(p, w, k, i, shift, out, n);
        case 5: return narrow_row<5>(p, w, k, i, shift, out, n);
        case 7: return narrow_row<7>(p, w, k, i, shift, out, n);
        default: return narrow_row<0>(p, w, k, i, shift, out, n);
    }
}

inline int32_t sum_i32(const int16_t* const* p, const int16_t* w, int k, int32_t init, int64_t x) {
    uint32_t sum = static_cast<uint32_t>(init);
    for (int t = 0; t < k; ++t) sum += static_cast<uint32_t>(p[t][x] * w[t]);
    return static_cast<int32_t>(sum);
}
inline uint8_t saturate_u8(int32_t v) { return static_cast<uint8_t>(v < 0 ? 0 : v > 255 ? 255 : v); }

#if defined(IMGFILT_PAIRS)
// Taps two at a time by multiply-add of pairs; an odd last tap is paired with itself at weight 0.
template <int K>
inline void sum_pairs(const int16_t* const* p, const int16_t* w, int k, int32_t init, int64_t x, Pairs& low,
                      Pairs& high) {
    const int count = K > 0 ? K : k;
    low = high = splat32(init);
#pragma GCC unroll 8
    for (int t = 0; t < count; t += 2) {
        const bool alone = t + 1 == count;
        const Pairs a = load_pairs(p[t] + x);
        const Pairs b = alone ? a : load_pairs(p[t + 1] + x);
        const uint32_t upper = alone ? 0u : static_cast<uint32_t>(static_cast<uint16_t>(w[t + 1])) << 16;
        const Pairs weights = splat32(static_cast<int32_t>(upper | static_cast<uint16_t>(w[t])));
        low = add32(low, multiply_add(interleave_low(a, b), weights));
        high = add32(high, multiply_add(interleave_high(a, b), weights));
    }
}

template <int K>
inline void pairs_u8(const int16_t* const* p, const int16_t* w, int k, int32_t init, int shift, uint8_t* out,
                     int64_t x) {
    Pairs low, high, first;
    sum_pairs<K>(p, w, k, init, x, low, high);
    first = pack_i16(shift_right32(low, shift), shift_right32(high, shift));
    sum_pairs<K>(p, w, k, init, x + kPairLanes, low, high);
    store_u8(out + x, first, pack_i16(shift_right32(low, shift), shift_right32(high, shift)));
}

template <int K>
int64_t pairs_row_u8(const int16_t* const* p, const int16_t* w, int k, int32_t init, int shift, uint8_t* out,
                     int64_t n) {
    constexpr int step = 2 * kPairLanes;
    if (n < step) return 0;
    int64_t x = 0;
    for (; x + step <= n; x += step) pairs_u8<K>(p, w, k, init, shift, out, x);
    if (x < n) pairs_u8<K>(p, w, k, init, shift, out, n - step);
    return n;
}

template <int K>
int64_t pairs_row_i32(const int16_t* const* p, const int16_t* w, int k, int32_t init, int32_t* out, int64_t n) {
    if (n < kPairLanes) return 0;
    Pairs low, high;
    int64_t x = 0;
    for (; x + kPairLanes <= n; x += kPairLanes) {
        sum_pairs<K>(p, w, k, init, x, low, high);
        store_in_order(out + x, low, high);
    }
    if (x < n) {
        sum_pairs<K>(p, w, k, init, n - kPairLanes, low, high);
        store_in_order(out + n - kPairLanes, low, high);
    }
    return n;
}
#endif

// saturate(round(scale * sqrt(a^2 + b^2))) of two 16-bit sums that are never written out.
inline uint8_t magnitude_one(int16_t a, int16_t b, float scale) {
    const float v = __builtin_rintf(__builtin_sqrtf(static_cast<float>(int32_t{a} * a + int32_t{b} * b)) * scale);
    return static_cast<uint8_t>(v < 255.0f ? v : 255.0f);
}

// K taps with weights of their own; any number where K is 0.
template <int K>
struct Free {
    const Few<const uint16_t*, K> p;
    const Few<uint16_t, K> w;
    const int k;

    Free(const uint16_t* const* pointers, const int16_t* weights, int taps)
        : p(pointers), w(reinterpret_cast<const uint16_t*>(weights)), k(taps) {}
    Vec<uint16_t> vector(int64_t x) const { return sum_u16<K>(p.data, w.data, k, 0, x); }
    uint16_t one(int64_t x) const {
        uint16_t sum = 0;
        for (int t = 0; t < k; ++t) sum = add_product(sum, p.data[t][x], w.data[t]);
        return sum;
    }
};

template <bool Unit, class A, class B>
void gradient_scaled(const A& first, const B& second, float scale, uint8_t* out, int64_t n) {
#if defined(IMGFILT_PAIRS)
    constexpr int step = 2 * kPairLanes;
    auto half = [&](int64_t x) {
        const Pairs a = (Pairs)first.vector(x), b = (Pairs)second.vector(x);
        const Pairs low = interleave_low(a, b), high = interleave_high(a, b);
        return pack_i16(root<Unit>(multiply_add(low, low), scale), root<Unit>(multiply_add(high, high), scale));
    };
    if (n >= step) {
        int64_t x = 0;
        for (; x + step <= n; x += step) store_u8(out + x, half(x), half(x + kPairLanes));
        if (x < n) store_u8(out + n - step, half(n - step), half(n - kPairLanes));
        return;
    }
#endif
    for (int64_t x = 0; x < n; ++x)
        out[x] = magnitude_one(static_cast<int16_t>(first.one(x)), static_cast<int16_t>(second.one(x)), scale);
}

template <class A, class B>
void gradient_row(const A& first, const B& second, float scale, uint8_t* out, int64_t n) {
    if (scale == 1.0f) return gradient_scaled<true>(first, second, scale, out, n);
    gradient_scaled<false>(first, second, scale, out, n);
}

void gradient_u8(const int16_t* const* signed_p, const int16_t* w, int ka, int kb, float scale, uint8_t* out,
                 int64_t n) {
    const auto p = reinterpret_cast<const uint16_t* const*>(signed_p);
    typedef Fixed<uint16_t, -1, 1> Difference;
    typedef Fixed<uint16_t, -1, -2, -1> Binomial;
    typedef Fixed<uint16_t, -1, -1, -1> Mean;
    if (Difference::fits(w, ka) && Binomial::fits(w + ka, kb))
        return gradient_row(Difference(p), Binomial(p + ka), scale, out, n);
    if (Difference::fits(w, ka) && Mean::fits(w + ka, kb))
        return gradient_row(Difference(p), Mean(p + ka), scale, out, n);
    if (ka == 2 && kb == 3) return gradient_row(Free<2>(p, w, ka), Free<3>(p + ka, w + ka, kb), scale, out, n);
    if (ka == 2 && kb == 2) return gradient_row(Free<2>(p, w, ka), Free<2>(p + ka, w + ka, kb), scale, out, n);
    if (ka == 6 && kb == 6) return gradient_row(Free<6>(p, w, ka), Free<6>(p + ka, w + ka, kb), scale, out, n);
    gradient_row(Free<0>(p, w, ka), Free<0>(p + ka, w + ka, kb), scale, out, n);
}

void taps_i16_i32(const int16_t* const* p, const int16_t* w, int k, int32_t init, int32_t* out, int64_t n) {
    int64_t x = 0;
#if defined(IMGFILT_PAIRS)
    switch (k) {
        case 3: x = pairs_row_i32<3>(p, w, k, init, out, n); break;
        case 5: x = pairs_row_i32<5>(p, w, k, init, out, n); break;
        case 7: x = pairs_row_i32<7>(p, w, k, init, out, n); break;
        default: x = pairs_row_i32<0>(p, w, k, init, out, n);
    }
#endif
    for (; x < n; ++x) out[x] = sum_i32(p, w, k, init, x);
}

void taps_i16_u8(const int16_t* const* p, const int16_t* w, int k, int32_t init, int shift, uint8_t* out, int64_t n) {
    int64_t x = 0;
#if defined(IMGFILT_PAIRS)
    switch (k) {
        case 3: x = pairs_row_u8<3>(p, w, k, init, shift, out, n); break;
        case 5: x = pairs_row_u8<5>(p, w, k, init, shift, out, n); break;
        case 7: x = pairs_row_u8<7>(p, w, k, init, shift, out, n); break;
        default: x = pairs_row_u8<0>(p, w, k, init, shift, out, n);
    }
#endif
    for (; x < n; ++x) out[x] = saturate_u8(sum_i32(p, w, k, init, x) >> shift);
}

}  // namespace
