// Weighted sums of 16-bit elements in 32 bits, two taps at a time.
#pragma once

#include "row_taps.hpp"

namespace {

inline int32_t sum_i32(const int16_t* const* p, const int16_t* w, int k, int32_t init, int64_t x) {
    uint32_t sum = static_cast<uint32_t>(init);
    for (int t = 0; t < k; ++t) sum += static_cast<uint32_t>(p[t][x] * w[t]);
    return static_cast<int32_t>(sum);
}
inline uint8_t saturate_u8(int32_t v) { return static_cast<uint8_t>(v < 0 ? 0 : v > 255 ? 255 : v); }

#if defined(IMGFILT_PAIRS)
// Taps two at a time by multiply-add of pairs; an odd last tap is paired with itself at weight 0. Pointers and weights
// are copies, which the stores to the row cannot change; K is 0 where their number is not known to the compiler.
template <int K>
class PairSum {
  public:
    PairSum(const int16_t* const* p, const int16_t* w, int k, int32_t init)
        : p_(p), w_(w), k_(k), init_(splat32(init)) {
        for (int t = 0; t < K; t += 2) weights_[t / 2] = pair_weights(t);
    }
    void at(int64_t x, Pairs& low, Pairs& high) const {
        const int count = K > 0 ? K : k_;
        low = high = init_;
#pragma GCC unroll 10
        for (int t = 0; t < count; t += 2) {
            const Pairs a = load_once(p_.data[t] + x);
            const Pairs b = t + 1 == count ? a : load_once(p_.data[t + 1] + x);
            const Pairs weights = K > 0 ? weights_[t / 2] : pair_weights(t);
            low = add32(low, multiply_add(interleave_low(a, b), weights));
            high = add32(high, multiply_add(interleave_high(a, b), weights));
        }
    }

  private:
    Pairs pair_weights(int t) const {
        const int count = K > 0 ? K : k_;
        const uint32_t second = t + 1 == count ? 0u : static_cast<uint16_t>(w_[t + 1]);
        return splat32(static_cast<int32_t>(second << 16 | static_cast<uint16_t>(w_[t])));
    }
    // Both halves are used: without this the compiler loads twice, and a load across two cache lines counts double.
    static Pairs load_once(const int16_t* p) {
        Pairs v = load_pairs(p);
        asm("" : "+v"(v));
        return v;
    }

    const Few<const int16_t*, K> p_;
    const int16_t* w_;
    const int k_;
    const Pairs init_;
    Pairs weights_[K > 0 ? (K + 1) / 2 : 1];
};

template <int K>
inline void pairs_u8(const PairSum<K>& sum, int shift, uint8_t* out, int64_t x) {
    Pairs low, high, first;
    sum.at(x, low, high);
    first = pack_i16(shift_right32(low, shift), shift_right32(high, shift));
    sum.at(x + kPairLanes, low, high);
    store_u8(out + x, first, pack_i16(shift_right32(low, shift), shift_right32(high, shift)));
}

template <int K>
int64_t pairs_row_u8(const int16_t* const* p, const int16_t* w, int k, int32_t init, int shift, uint8_t* out, int64_t n,
                     imgfilt::NextRows* next) {
    constexpr int step = 2 * kPairLanes;
    if (n < step) return 0;
    const PairSum<K> sum(p, w, k, init);
    imgfilt::NextRows ahead = *next;
    int64_t x = 0;
    for (; x + step <= n; x += step) {
        if (x % 64 == 0) fetch_lines<1>(ahead);
        pairs_u8<K>(sum, shift, out, x);
    }
    if (x < n) pairs_u8<K>(sum, shift, out, n - step);
    *next = ahead;
    return n;
}

template <int K>
int64_t pairs_row_i32(const int16_t* const* p, const int16_t* w, int k, int32_t init, int32_t* out, int64_t n) {
    if (n < kPairLanes) return 0;
    const PairSum<K> sum(p, w, k, init);
    Pairs low, high;
    int64_t x = 0;
    for (; x + kPairLanes <= n; x += kPairLanes) {
        sum.at(x, low, high);
        store_in_order(out + x, low, high);
    }
    if (x < n) {
        sum.at(n - kPairLanes, low, high);
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
        case 9: x = pairs_row_i32<9>(p, w, k, init, out, n); break;
        case 11: x = pairs_row_i32<11>(p, w, k, init, out, n); break;
        case 13: x = pairs_row_i32<13>(p, w, k, init, out, n); break;
        case 15: x = pairs_row_i32<15>(p, w, k, init, out, n); break;
        case 17: x = pairs_row_i32<17>(p, w, k, init, out, n); break;
        case 19: x = pairs_row_i32<19>(p, w, k, init, out, n); break;
        default: x = pairs_row_i32<0>(p, w, k, init, out, n);
    }
#endif
    for (; x < n; ++x) out[x] = sum_i32(p, w, k, init, x);
}

void taps_i16_u8(const int16_t* const* p, const int16_t* w, int k, int32_t init, int shift, uint8_t* out, int64_t n,
                 [[maybe_unused]] imgfilt::NextRows* next) {
    int64_t x = 0;
#if defined(IMGFILT_PAIRS)
    switch (k) {
        case 3: x = pairs_row_u8<3>(p, w, k, init, shift, out, n, next); break;
        case 5: x = pairs_row_u8<5>(p, w, k, init, shift, out, n, next); break;
        case 7: x = pairs_row_u8<7>(p, w, k, init, shift, out, n, next); break;
        case 9: x = pairs_row_u8<9>(p, w, k, init, shift, out, n, next); break;
        case 11: x = pairs_row_u8<11>(p, w, k, init, shift, out, n, next); break;
        case 13: x = pairs_row_u8<13>(p, w, k, init, shift, out, n, next); break;
        case 15: x = pairs_row_u8<15>(p, w, k, init, shift, out, n, next); break;
        case 17: x = pairs_row_u8<17>(p, w, k, init, shift, out, n, next); break;
        case 19: x = pairs_row_u8<19>(p, w, k, init, shift, out, n, next); break;
        default: x = pairs_row_u8<0>(p, w, k, init, shift, out, n, next);
    }
#endif
    for (; x < n; ++x) out[x] = saturate_u8(sum_i32(p, w, k, init, x) >> shift);
}

}  // namespace
