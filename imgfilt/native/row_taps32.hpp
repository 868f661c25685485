// Weighted sums of 16-bit elements in 32 bits, two taps at a time.
#pragma once

#include "simd.hpp"

namespace {

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
