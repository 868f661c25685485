// Weighted sums of shifted rows in 16-bit arithmetic, modulo 2^16: unsigned arithmetic on the same bits.
#pragma once

#include "row_taps.hpp"

namespace {

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

// The vertical sums of a gradient: a smoothing of three rows and the difference of the outer two, which are widened
// once for both.
template <int Middle, int Sign>
bool smooth_and_difference(const uint8_t* const* pa, const int16_t* wa, int ka, int16_t* a, const uint8_t* const* pb,
                           const int16_t* wb, int kb, int16_t* b, int64_t n) {
    constexpr int lanes = VectorOf<uint16_t>::lanes;
    if (n < lanes || !Fixed<uint8_t, 1, Middle, 1>::fits(wa, ka) || !Fixed<uint8_t, -Sign, Sign>::fits(wb, kb))
        return false;
    const uint8_t *above = pa[0], *middle = pa[1], *below = pa[2];
    if (pb[0] != above || pb[1] != below) return false;
    const auto at = [&](int64_t x) {
        const auto first = load_as<uint8_t, uint16_t>(above + x), last = load_as<uint8_t, uint16_t>(below + x);
        store(a + x, add_times<Middle>(first + last, load_as<uint8_t, uint16_t>(middle + x)));
        store(b + x, Sign > 0 ? last - first : first - last);
    };
    int64_t x = 0;
#pragma GCC unroll 4
    for (; x + lanes <= n; x += lanes) at(x);
    if (x < n) at(n - lanes);
    return true;
}

void two_taps_u8_i16(const uint8_t* const* pa, const int16_t* wa, int ka, int16_t* a, const uint8_t* const* pb,
                     const int16_t* wb, int kb, int16_t* b, int64_t n) {
    if (smooth_and_difference<2, -1>(pa, wa, ka, a, pb, wb, kb, b, n)) return;
    if (smooth_and_difference<1, -1>(pa, wa, ka, a, pb, wb, kb, b, n)) return;
    if (smooth_and_difference<2, 1>(pa, wa, ka, a, pb, wb, kb, b, n)) return;
    if (smooth_and_difference<1, 1>(pa, wa, ka, a, pb, wb, kb, b, n)) return;
    taps_u8_i16(pa, wa, ka, 0, a, n);
    taps_u8_i16(pb, wb, kb, 0, b, n);
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
        case 2: return narrow_row<2>(p, w, k, i, shift, out, n);
        case 3: return narrow_row<3>(p, w, k, i, shift, out, n);
        case 5: return narrow_row<5>(p, w, k, i, shift, out, n);
        case 7: return narrow_row<7>(p, w, k, i, shift, out, n);
        default: return narrow_row<0>(p, w, k, i, shift, out, n);
    }
}

}  // namespace
